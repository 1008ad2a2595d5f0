"""Days on which a customer's money earns nothing: the only writer of EarningPause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from earn.days import ONE_DAY
from earn.interest import Pause
from earn.models import Customer, EarningPause


def of(customer_id: int) -> Sequence[Pause]:
    """All of a customer's, past ones too, in order."""
    return of_all([customer_id]).get(customer_id, ())


def of_all(customer_ids: Iterable[int]) -> Mapping[int, Sequence[Pause]]:
    """In one query, of those who have any."""
    found = defaultdict(list)
    rows = EarningPause.objects.filter(customer__in=list(customer_ids)).order_by("from_day")
    for customer, first, last in rows.values_list("customer", "from_day", "until_day"):
        found[customer].append(Pause(first, last))
    return found


def begin(customer: Customer, first: date, *, at: datetime) -> EarningPause:
    """Nothing is earned from that day on; the database refuses one that has begun."""
    return EarningPause.objects.create(customer=customer, from_day=first, made_at=at)


def end(customer: Customer, first: date, *, at: datetime) -> bool:
    """The customer earns again from that day on; False if there was no pause to end.

    One that was to begin later only is called off: it then has no day at all.
    """
    running = EarningPause.objects.filter(customer=customer, until_day=None).first()
    if running is None:
        return False
    running.until_day = max(first, running.from_day) - ONE_DAY
    running.ended_at = at
    running.save(update_fields=["until_day", "ended_at"])
    return True


def is_paused_after(customer: Customer, day: date) -> bool:
    """Whether any later day earns nothing, as far as is known."""
    found = EarningPause.objects.filter(customer=customer)
    return any(x.until_day is None or x.until_day > day for x in found)
