"""Previews and states in words: what each figure of an order is called on the pages."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from earn.activity import Type
from earn.agenda import Kind
from earn.models import AtMaturity
from earn.portal.filters import amount, moment, percent
from earn.portal.offers import in_days
from ledger.models import Asset

AT_MATURITY = {
    AtMaturity.PAY_OUT: gettext_lazy("Pay everything to my wallet"),
    AtMaturity.RENEW_PRINCIPAL: gettext_lazy("Renew the principal, pay the interest"),
    AtMaturity.RENEW_ALL: gettext_lazy("Renew principal and interest"),
    AtMaturity.TO_FLEXIBLE: gettext_lazy("Move everything to the flexible product"),
}
PAYOUT = {
    "ON_REDEMPTION": gettext_lazy("When you redeem"),
    "DAILY": gettext_lazy("Every day, to your wallet"),
    "MONTHLY": gettext_lazy("At the end of each month, to your wallet"),
    "AT_MATURITY": gettext_lazy("At maturity"),
}
COMPOUNDING = {
    "DAILY": gettext_lazy("Daily: interest earns from the next day on"),
    "NONE": gettext_lazy("None: interest itself earns nothing"),
}
AT_MATURITY_MEANS = {
    AtMaturity.PAY_OUT: gettext_lazy(
        "Principal and interest go to your wallet on the day of maturity. Nothing renews."
    ),
    AtMaturity.RENEW_PRINCIPAL: gettext_lazy(
        "The principal begins another term of the same length, at the rate of that day. "
        "The interest goes to your wallet."
    ),
    AtMaturity.RENEW_ALL: gettext_lazy(
        "Principal and interest begin another term of the same length together, at the "
        "rate of that day."
    ),
    AtMaturity.TO_FLEXIBLE: gettext_lazy(
        "Principal and interest move to the flexible product of the same asset, which you "
        "may leave at any time."
    ),
}
STATE = {
    "OPEN": gettext_lazy("Earning"),
    "REDEEMED": gettext_lazy("Redeemed"),
    "MATURED": gettext_lazy("Matured"),
}
KIND = {
    "DEPOSIT": gettext_lazy("Deposit"),
    "WITHDRAW": gettext_lazy("Withdrawal"),
    "SUBSCRIBE": gettext_lazy("Subscription"),
    "REDEEM": gettext_lazy("Redemption"),
    "CANCEL": gettext_lazy("Cancellation of a redemption"),
    "INSTRUCT": gettext_lazy("Change of the maturity instruction"),
}
OUTCOME = {
    "DONE": gettext_lazy("Done"),
    "PENDING": gettext_lazy("On its way"),
    "CANCELLED": gettext_lazy("Cancelled"),
    "REFUSED": gettext_lazy("Refused"),
}
CALENDAR = {
    Kind.INTEREST: gettext_lazy("Interest"),
    Kind.ADDED: gettext_lazy("Interest that goes on"),
    Kind.MATURITY: gettext_lazy("Maturity"),
    Kind.RENEWAL: gettext_lazy("Renewal"),
    Kind.MOVE: gettext_lazy("To flexible"),
    Kind.REDEMPTION: gettext_lazy("Redemption"),
    Kind.CHANGE: gettext_lazy("Last day to change"),
}

EVENT = {
    Type.DEPOSIT: gettext_lazy("Deposit"),
    Type.WITHDRAWAL: gettext_lazy("Withdrawal"),
    Type.SUBSCRIPTION: gettext_lazy("Subscription"),
    Type.REDEMPTION: gettext_lazy("Redemption"),
    Type.REDEMPTION_REQUESTED: gettext_lazy("Redemption asked for"),
    Type.REDEMPTION_PAID: gettext_lazy("Redemption paid"),
    Type.REDEMPTION_CANCELLED: gettext_lazy("Redemption cancelled"),
    Type.EARLY_REDEMPTION: gettext_lazy("Early redemption"),
    Type.INTEREST_PAID: gettext_lazy("Interest paid"),
    Type.INTEREST_CAPITALISED: gettext_lazy("Interest added to the principal"),
    Type.CLAWBACK: gettext_lazy("Interest taken back after an early exit"),
    Type.MATURITY_PAID: gettext_lazy("Principal paid at maturity"),
    Type.RENEWAL: gettext_lazy("Renewal"),
    Type.MOVED_TO_FLEXIBLE: gettext_lazy("Moved to the flexible product"),
    Type.CORRECTION: gettext_lazy("Correction"),
    Type.ADJUSTMENT: gettext_lazy("Adjustment"),
    Type.INSTRUCTION_CHANGED: gettext_lazy("Change of the maturity instruction"),
    Type.ORDER_REFUSED: gettext_lazy("Order refused"),
}


def rows(preview: dict[str, Any], asset: Asset) -> Iterator[tuple[str, str]]:
    """(label, value) of what a preview names, in the order in which people ask for it."""
    for name, (label, worded) in _FIGURES.items():
        if preview.get(name) not in (None, {}, 0):
            yield str(label), worded(preview[name], asset)


def changes(
    before: dict[str, Any], after: dict[str, Any], asset: Asset
) -> Iterator[tuple[str, str, str]]:
    """(label, what it was, what it is now) of each figure that is not the same any more."""
    was, now = dict(rows(before, asset)), dict(rows(after, asset))
    for label in now | was:
        if was.get(label) != now.get(label):
            yield label, was.get(label, ""), now.get(label, "")


def _money(text: str, asset: Asset) -> str:
    return amount(Decimal(text), asset)


def _day(text: str, _asset: Asset) -> str:
    return date_format(date.fromisoformat(text))


def _moment(text: str, _asset: Asset) -> str:
    return moment(datetime.fromisoformat(text))


def _rate(text: str, _asset: Asset) -> str:
    return percent(Decimal(text))


def _chosen(words: dict[Any, Any]) -> Callable[[str, Asset], str]:
    return lambda code, _asset: str(words[code])


def _plain(text: str, _asset: Asset) -> str:
    return str(text)


def _days(number: int, _asset: Asset) -> str:
    return in_days(number)


def _early(terms: dict[str, Any], _asset: Asset) -> str:
    return early(terms)


def early(terms: dict[str, Any]) -> str:
    """What leaving a fixed term early costs."""
    words = {
        "FORBIDDEN": _("Not possible"),
        "FORFEIT_ALL": _("Possible; all interest is lost"),
    }
    if terms["rule"] == "REDUCED_RATE":
        return _("Possible; the days run earn %(rate)s instead") % {
            "rate": percent(Decimal(terms["rate"]))
        }
    if terms["rule"] == "FORFEIT_DAYS":
        return ngettext(
            "Possible; the interest of the last day is lost",
            "Possible; the interest of the last %(n)s days is lost",
            terms["days"],
        ) % {"n": terms["days"]}
    return words[terms["rule"]]


_FIGURES: dict[str, tuple[Any, Callable[[Any, Asset], str]]] = {
    "amount": (gettext_lazy("Amount"), _money),
    "term_days": (gettext_lazy("Term"), _days),
    "annual_rate": (gettext_lazy("Annual rate of this amount (APR)"), _rate),
    "next_rate": (gettext_lazy("Announced annual rate of this amount (APR)"), _rate),
    "next_rate_on": (gettext_lazy("The announced rate applies from"), _day),
    "first_day": (gettext_lazy("First day that earns"), _day),
    "last_day": (gettext_lazy("Last day that earns"), _day),
    "earned_through": (gettext_lazy("Interest counted through"), _day),
    "matures_on": (gettext_lazy("Matures on"), _day),
    "interest": (gettext_lazy("Interest at maturity"), _money),
    "apy": (gettext_lazy("Annual yield (APY)"), _rate),
    "payout": (gettext_lazy("Interest is paid"), _chosen(PAYOUT)),
    "compounding": (gettext_lazy("Compounding"), _chosen(COMPOUNDING)),
    "day_count": (gettext_lazy("Day count"), _plain),
    "early_redemption": (gettext_lazy("Leaving early"), _early),
    "settlement_delay_days": (gettext_lazy("A redemption takes"), _days),
    "interest_kept": (gettext_lazy("Interest you keep"), _money),
    "interest_lost": (gettext_lazy("Interest you lose"), _money),
    "received": (gettext_lazy("You receive"), _money),
    "principal_left": (gettext_lazy("Stays in the position"), _money),
    "due_on": (gettext_lazy("Paid to your wallet on"), _day),
    "was_due_on": (gettext_lazy("Would have been paid on"), _day),
    "at_maturity": (gettext_lazy("At maturity"), _chosen(AT_MATURITY)),
    "minimum_renewal_rate": (gettext_lazy("Renew only from a rate of"), _rate),
    "changeable_until": (gettext_lazy("You may change this until"), _moment),
    "next_matures_on": (gettext_lazy("The renewal matures on"), _day),
    "chart_version": (gettext_lazy("Version of the rates"), _plain),
    "risk_version": (gettext_lazy("Version of the risk text"), _plain),
}
