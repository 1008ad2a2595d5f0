"""Notifications in words: in the reader's language, from the figures that were kept."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from earn.days import DayCount, start_of
from earn.interest import Compounding, Payout, Rounding, Tier, TierMode, blended_rate
from earn.mailing import Letter
from earn.models import AtMaturity, News, Notification, Product, RateTier
from earn.portal.filters import amount, moment, percent
from earn.portal.offers import in_days, name_of
from earn.projection import project

MONTH_DAYS = 30
Tiers = Mapping[int, tuple[Tier, ...]]
Pairs = list[tuple[str, str]]

WILL_HAPPEN = {
    AtMaturity.PAY_OUT: gettext_lazy("Everything will be paid to your wallet."),
    AtMaturity.RENEW_PRINCIPAL: gettext_lazy(
        "The principal will be renewed, the interest paid to your wallet."
    ),
    AtMaturity.RENEW_ALL: gettext_lazy("Principal and interest will be renewed."),
    AtMaturity.TO_FLEXIBLE: gettext_lazy("Everything will move to the flexible product."),
}
WHY_NOT = {
    "SOLD_OUT": gettext_lazy("The product was full."),
    "NOT_OPEN": gettext_lazy("The product was not on sale."),
    "NOT_ELIGIBLE": gettext_lazy("The product is not offered to you any more."),
    "OVER_CUSTOMER_CAP": gettext_lazy(
        "You would have held more than one customer may hold of the product."
    ),
    "RATE_TOO_LOW": gettext_lazy("The new rate was below the one that you asked for."),
    "FROZEN": gettext_lazy("Your account takes no new money at the moment."),
}


class Words(NamedTuple):
    """A piece of news: what happened, its figures with their names, and where to look."""

    title: str
    sentences: list[str]
    figures: Pairs
    address: str
    link: str


def words_of(notifications: Iterable[Notification]) -> list[Words]:
    """In the language that is active; one query for all rates that are named."""
    found = list(notifications)
    tiers = _tiers(found)
    return [_WORDS[News(x.kind)](x, tiers) for x in found]


def letter(notification: Notification) -> Letter:
    """The same as a mail, in the language and time zone of whoever it is for."""
    user = notification.customer.user
    assert user is not None  # who has no address is not written to
    language = user.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(user.time_zone):
        (words,) = words_of([notification])
        shown = {"words": words, "at": moment(notification.at), "site": settings.SITE_URL}
        body = render_to_string("portal/mail/notice.txt", shown)
    return Letter(" ".join(words.title.split()), body)


def _tiers(found: Iterable[Notification]) -> Tiers:
    charts = {
        int(x.figures[which])
        for x in found
        if x.kind == News.RATE_CUT
        for which in ("old_chart", "new_chart")
    }
    tiers: dict[int, list[Tier]] = defaultdict(list)
    if charts:
        rows = RateTier.objects.filter(chart__in=charts, term_days=None)
        for row in rows.order_by("from_amount"):
            tiers[row.chart_id].append(Tier(row.from_amount, row.annual_rate))
    return {chart: tuple(rows) for chart, rows in tiers.items()}


def _soon(told: Notification, _tiers: Tiers) -> Words:
    product, matures_on = _product(told), _day(told, "matures_on")
    cutoff = start_of(matures_on) - timedelta(hours=product.renewal_cutoff_hours)
    sentences = [str(WILL_HAPPEN[AtMaturity(told.figures["at_maturity"])])]
    if told.at < cutoff:
        sentences.append(
            _("You may choose otherwise until %(moment)s.") % {"moment": moment(cutoff)}
        )
    return Words(
        title=_("%(product)s matures on %(day)s")
        % {"product": name_of(product), "day": date_format(matures_on)},
        sentences=sentences,
        figures=[(_("In the position"), _money(told, "principal"))],
        address=_position(told),
        link=_("See the position"),
    )


def _matured(told: Notification, _tiers: Tiers) -> Words:
    return Words(
        title=_("%(product)s has matured") % {"product": name_of(_product(told))},
        sentences=[_("Everything was paid to your wallet.")],
        figures=_paid_out(told),
        address=_position(told),
        link=_("See the position"),
    )


def _renewed(told: Notification, _tiers: Tiers) -> Words:
    figures: Pairs = [(_("Goes on"), _money(told, "moved"))]
    if told.figures["outcome"] == AtMaturity.RENEW_PRINCIPAL:
        figures.append((_("Interest paid to your wallet"), _money(told, "interest")))
    else:
        figures.append((_("Interest in it"), _money(told, "interest")))
    words = Words(
        title=_("%(product)s was renewed") % {"product": name_of(_product(told))},
        sentences=[_("It goes on for another term, as you had asked.")],
        figures=figures,
        address=_position(told),
        link=_("See the new position"),
    )
    if told.figures["outcome"] == AtMaturity.TO_FLEXIBLE:
        assert told.position is not None  # where the money went on
        names = {
            "product": name_of(_product(told)),
            "target": name_of(told.position.product),
        }
        return words._replace(
            title=_("%(product)s has moved to %(target)s") % names,
            sentences=[_("It has matured and earns on there, as you had asked.")],
        )
    figures += [
        (_("Annual rate (APR)"), percent(Decimal(told.figures["annual_rate"]))),
        (_("Term"), in_days(int(told.figures["term_days"]))),
        (_("Matures on"), date_format(_day(told, "matures_on"))),
    ]
    return words


def _not_renewed(told: Notification, _tiers: Tiers) -> Words:
    why = WHY_NOT.get(told.figures["outcome"], _("The product could not take the money."))
    figures = _paid_out(told)
    if "minimum_rate" in told.figures:
        asked = percent(Decimal(told.figures["minimum_rate"]))
        figures.append((_("You asked for at least"), asked))
    return Words(
        title=_("%(product)s was not renewed") % {"product": name_of(_product(told))},
        sentences=[str(why), _("Everything was paid to your wallet instead.")],
        figures=figures,
        address=_position(told),
        link=_("See the position"),
    )


def _rate_cut(told: Notification, tiers: Tiers) -> Words:
    product, first_day = _product(told), _day(told, "effective_on")
    balance = Decimal(told.figures["balance"])
    old, new = (tiers[int(told.figures[x])] for x in ("old_chart", "new_chart"))
    mode, asset = TierMode(product.tier_mode), product.asset
    before, after = (_month(product, balance, x, first_day) for x in (old, new))
    return Words(
        title=_("The rate of %(product)s falls on %(day)s")
        % {"product": name_of(product), "day": date_format(first_day)},
        sentences=[
            _("What it means for the balance that you had when this was announced:")
        ],
        figures=[
            (_("Your balance"), amount(balance, asset)),
            (_("Your rate until then (APR)"), percent(blended_rate(balance, old, mode))),
            (
                _("Your rate from then on (APR)"),
                percent(blended_rate(balance, new, mode)),
            ),
            (_("Interest of 30 days until then"), amount(before, asset)),
            (_("Interest of 30 days from then on"), amount(after, asset)),
            (_("Less in a month of 30 days"), amount(before - after, asset)),
        ],
        address=_position(told),
        link=_("See the position"),
    )


def _redemption_paid(told: Notification, _tiers: Tiers) -> Words:
    return Words(
        title=_("Your redemption of %(product)s was paid")
        % {"product": name_of(_product(told))},
        sentences=[_("The money is in your wallet.")],
        figures=[(_("Paid to your wallet"), _money(told, "amount"))],
        address=reverse("portal:receipt", args=[told.order_id]),
        link=_("See the receipt"),
    )


def _new_device(told: Notification, _tiers: Tiers) -> Words:
    return Words(
        title=_("A sign-in from a new device"),
        sentences=[
            _(
                "If it was you, there is nothing to do. If it was not, sign out the other"
                " sessions and change your password at once."
            )
        ],
        figures=[
            (_("Browser"), told.figures["browser"] or _("Another browser")),
            (_("System"), told.figures["system"] or _("Another system")),
            (_("Internet address"), told.figures["ip"]),
            (_("At"), moment(told.at)),
        ],
        address=reverse("usersessions_list"),
        link=_("See where you are signed in"),
    )


_WORDS: dict[News, Callable[[Notification, Tiers], Words]] = {
    News.MATURES_IN_7_DAYS: _soon,
    News.MATURES_IN_1_DAY: _soon,
    News.MATURED: _matured,
    News.RENEWED: _renewed,
    News.NOT_RENEWED: _not_renewed,
    News.RATE_CUT: _rate_cut,
    News.REDEMPTION_PAID: _redemption_paid,
    News.NEW_DEVICE: _new_device,
}


def _paid_out(told: Notification) -> Pairs:
    total = sum(Decimal(told.figures[x]) for x in ("principal", "interest"))
    return [
        (_("Paid to your wallet"), amount(Decimal(total), _product(told).asset)),
        (_("Of it principal"), _money(told, "principal")),
        (_("Of it interest"), _money(told, "interest")),
    ]


def _month(
    product: Product, balance: Decimal, tiers: tuple[Tier, ...], first_day: date
) -> Decimal:
    """What the books would post in a month of 30 days from then on."""
    return project(
        amount=balance,
        tiers=tiers,
        mode=TierMode(product.tier_mode),
        day_count=DayCount(product.day_count),
        compounding=Compounding(product.compounding),
        scale=product.asset.scale,
        rounding=Rounding.FLOOR,
        first_day=first_day,
        days=MONTH_DAYS,
        payout=Payout(product.payout),
    ).interest


def _product(told: Notification) -> Product:
    assert told.product is not None  # of all kinds but sign-ins
    return told.product


def _money(told: Notification, name: str) -> str:
    return amount(Decimal(told.figures[name]), _product(told).asset)


def _day(told: Notification, name: str) -> date:
    return date.fromisoformat(told.figures[name])


def _position(told: Notification) -> str:
    return reverse("portal:position", args=[told.position_id])
