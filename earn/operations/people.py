"""Freezing a customer in three ways, and ending it."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from earn import holdings, pauses
from earn.days import ONE_DAY, business_day
from earn.models import Customer, Position
from earn.operations.outcome import (
    Change,
    Impossible,
    Outcome,
    customer_of,
    day_of,
    refused_by_the_database,
)
from ledger.money import format_amount

FREEZES = ("frozen_in", "frozen_out")
YES, NO = "yes", "no"
PAUSE, RESUME = "pause", "resume"
NAMED = 200  # fixed positions whose interest is told one by one


def freeze(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`customer`; `frozen_in` and `frozen_out` as they are to be, "yes" or "no".

    `earning` may be "pause" or "resume", from the day `earning_on`; what is not named
    stays.
    """
    customer = customer_of(request)
    type(customer).objects.select_for_update(no_key=True).get(pk=customer.pk)
    customer.refresh_from_db()
    flags = list(_flags(customer, request))
    with refused_by_the_database():
        if request.get("earning") == RESUME:  # first, or the thaw would be refused
            earning = _resume(customer, request, at)
            customer.save(update_fields=FREEZES)
        else:
            customer.save(update_fields=FREEZES)
            earning = _pause(customer, request, at) if request.get("earning") else []
    changes = [*flags, *earning]
    if not changes:
        raise Impossible("The customer is frozen in just that way already.")
    if not customer.frozen_in and pauses.is_paused_after(customer, business_day(at)):
        raise Impossible("No new money comes in while its interest is paused.")
    return Outcome(subject=f"customer:{customer.pk}", changes=changes)


def _flags(customer: Customer, request: dict[str, Any]) -> Iterator[Change]:
    for name in FREEZES:
        before = getattr(customer, name)
        after = before if name not in request else request[name] == YES
        if before != after:
            setattr(customer, name, after)
            yield Change(
                f"customer:{customer.pk}", name, _word(is_so=before), _word(is_so=after)
            )


def _pause(customer: Customer, request: dict[str, Any], at: datetime) -> list[Change]:
    """Its interest stops; what that costs the customer at each maturity is told."""
    if request.get("earning") != PAUSE:
        raise Impossible("earning: pause or resume.")
    first = _later_day(request, at)
    if not customer.frozen_in:
        raise Impossible("Interest is paused only where no new money comes in.")
    if pauses.is_paused_after(customer, business_day(at)):
        raise Impossible("Interest is paused already.")
    before = _at_maturity(customer)
    pauses.begin(customer, first, at=at)
    stops = Change(f"customer:{customer.pk}", "earns interest", YES, f"not from {first} on")
    return [stops, *_fallen(before, _at_maturity(customer)), *_not_named(customer)]


def _resume(customer: Customer, request: dict[str, Any], at: datetime) -> list[Change]:
    first = _later_day(request, at)
    before = _at_maturity(customer)
    if not pauses.end(customer, first, at=at):
        raise Impossible("Interest is not paused.")
    earns = Change(f"customer:{customer.pk}", "earns interest", NO, f"from {first} on")
    return [earns, *_fallen(before, _at_maturity(customer)), *_not_named(customer)]


def _later_day(request: dict[str, Any], at: datetime) -> date:
    day = day_of(request, "earning_on")
    if day <= business_day(at):
        tomorrow = business_day(at) + ONE_DAY
        raise Impossible(f"Days that have begun stay as they are: {tomorrow} or later.")
    return day


def _fixed(customer: Customer) -> Any:
    found = Position.objects.filter(
        customer=customer, state=Position.State.OPEN, matures_on__isnull=False
    )
    return found.select_related("product__asset", "chart").order_by("pk")


def _at_maturity(customer: Customer) -> dict[str, str]:
    """What each fixed position comes to in all, by its subject."""
    paused = pauses.of(customer.pk)
    found = {}
    for position in _fixed(customer)[:NAMED]:
        asset = position.product.asset
        interest = holdings.of_term(position, paused).interest
        found[f"position:{position.pk}"] = (
            f"{format_amount(interest, scale=asset.scale)} {asset.code}"
        )
    return found


def _fallen(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for subject, interest in before.items():
        if after[subject] != interest:
            yield Change(subject, "interest at maturity", interest, after[subject])


def _not_named(customer: Customer) -> Iterator[Change]:
    more = _fixed(customer).count() - NAMED
    if more > 0:
        subject = f"customer:{customer.pk}"
        yield Change(subject, "interest at maturity", "", f"of {more} more positions too")


def _word(*, is_so: bool) -> str:
    return YES if is_so else NO
