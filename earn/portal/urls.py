from datetime import date

from django.urls import path, register_converter

from earn.portal import (
    activity,
    calendar,
    explore,
    feed,
    home,
    instructing,
    notifications,
    orders,
    positions,
    preferences,
    product,
    redeeming,
    statements,
    subscribing,
    verify,
    views,
)


class IsoDay:
    """A date in an address, as in 2026-01-31."""

    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, text: str) -> date:
        return date.fromisoformat(text)

    def to_url(self, day: date) -> str:
        return day.isoformat()


register_converter(IsoDay, "iso")
register_converter(statements.IsoPeriod, "period")
register_converter(statements.Form, "form")

app_name = "portal"
urlpatterns = [
    path("", views.start, name="start"),
    path("favicon.ico", views.favicon),
    path("explore/", explore.products, name="explore"),
    path("explore/<slug:code>/", product.product, name="product"),
    path("explore/<slug:code>/calculator/", product.calculator, name="calculator"),
    path("explore/<slug:code>/subscribe/", subscribing.subscribe, name="subscribe"),
    path("home/", home.home, name="home"),
    path("activity/", activity.activity, name="activity"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("statements/", statements.listed, name="statements"),
    path("statements/<period:period>.<form:form>", statements.statement, name="statement"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/address/", calendar.address, name="calendar-address"),
    path("calendar/<slug:token>.ics", feed.feed, name="calendar-feed"),
    path("statements/income/<int:year>.<form:form>", statements.income, name="income"),
    path("notifications/", notifications.notifications, name="notifications"),
    path(
        "notifications/preferences/",
        notifications.preferences,
        name="notification-preferences",
    ),
    path("verify/", verify.verify, name="verify"),
    path("verify/chain.txt", verify.chain, name="chain"),
    path("verify/my-entries.txt", verify.entries_text, name="entries-text"),
    path("verify/entries/<int:pk>/", verify.entry, name="entry"),
    path("verify/entries/<int:pk>.json", verify.entry_text, name="entry-text"),
    path("verify/seals/<int:number>/hashes.txt", verify.seal_hashes, name="seal-hashes"),
    path("orders/<int:pk>/", orders.receipt, name="receipt"),
    path("orders/<int:pk>/terms.<form:form>", statements.term_sheet, name="term-sheet"),
    path("orders/<int:pk>/cancel/", orders.cancel, name="cancel"),
    path("positions/<int:pk>/", positions.position, name="position"),
    path("positions/<int:pk>/<iso:day>/", positions.day, name="position-day"),
    path("positions/<int:pk>/redeem/", redeeming.redeem, name="redeem"),
    path("positions/<int:pk>/at-maturity/", instructing.instruct, name="instruct"),
]
