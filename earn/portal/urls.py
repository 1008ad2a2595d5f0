from django.urls import path

from earn.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.start, name="start"),
    path("favicon.ico", views.favicon),
]
