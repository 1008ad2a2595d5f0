"""What became of a position, and at maturity why not what was asked: in words."""

from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from earn.models import AtMaturity, Position
from earn.portal.filters import percent

_DONE = {
    AtMaturity.PAY_OUT: gettext_lazy("Matured: everything was paid to your wallet."),
    AtMaturity.RENEW_PRINCIPAL: gettext_lazy(
        "Matured: the principal was renewed, and the interest was paid to your wallet."
    ),
    AtMaturity.RENEW_ALL: gettext_lazy(
        "Matured: principal and interest were renewed together."
    ),
    AtMaturity.TO_FLEXIBLE: gettext_lazy(
        "Matured: everything moved to the flexible product."
    ),
}
_WHY_NOT = {
    "SOLD_OUT": gettext_lazy(
        "Matured and paid to your wallet: the product was full, so that it could not go on "
        "as you had asked."
    ),
    "NOT_OPEN": gettext_lazy(
        "Matured and paid to your wallet: the product took no money on that day, so that "
        "it could not go on as you had asked."
    ),
    "NOT_ELIGIBLE": gettext_lazy(
        "Matured and paid to your wallet: the product is not offered to you any more, so "
        "that it could not go on as you had asked."
    ),
    "OVER_CUSTOMER_CAP": gettext_lazy(
        "Matured and paid to your wallet: it would have been more than one customer may "
        "hold, so that it could not go on as you had asked."
    ),
    "FROZEN": gettext_lazy(
        "Matured and paid to your wallet: your account took no new orders, so that it "
        "could not go on as you had asked."
    ),
}
_OTHERWISE = gettext_lazy(
    "Matured and paid to your wallet: it could not go on as you had asked."
)


def state(position: Position, today: date) -> str:
    """One sentence: where the money is and what comes next."""
    if position.state == Position.State.MATURED:
        return outcome(position)
    if position.state == Position.State.REDEEMED:
        return _redeemed(position)
    if position.first_day > today:
        return _("Not earning yet: its first day is %(day)s.") % {
            "day": date_format(position.first_day)
        }
    if position.matures_on is None:
        return _("Earning every day since %(day)s; you may redeem on any day.") % {
            "day": date_format(position.first_day)
        }
    days = (position.matures_on - today).days
    if days <= 0:
        return _("Matured: the daily close is settling it.")
    words = ngettext(
        "Earning since %(first)s; it matures on %(day)s, in %(n)s day.",
        "Earning since %(first)s; it matures on %(day)s, in %(n)s days.",
        days,
    )
    return words % {
        "first": date_format(position.first_day),
        "day": date_format(position.matures_on),
        "n": days,
    }


def outcome(position: Position) -> str:
    """Of a position that has matured: what was done, or why it was paid out instead."""
    if position.outcome == "RATE_TOO_LOW":
        return _(
            "Matured and paid to your wallet: the rate of a new term was below the "
            "%(rate)s that you had asked for."
        ) % {"rate": percent(position.minimum_renewal_rate or Decimal(0))}
    done = {str(choice): words for choice, words in _DONE.items()}
    return str((done | _WHY_NOT).get(position.outcome, _OTHERWISE))


def _redeemed(position: Position) -> str:
    assert position.closed_at is not None  # it is closed
    if position.matures_on:
        return _("Ended early on %(day)s by redemption.") % {
            "day": date_format(position.closed_at)
        }
    return _("Redeemed completely on %(day)s.") % {"day": date_format(position.closed_at)}
