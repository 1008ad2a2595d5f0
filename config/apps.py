from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django's admin with the desk's own pages."""

    default_site = "earn.desk.Desk"
