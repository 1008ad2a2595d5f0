"""Freezing a customer, and ending it."""

from datetime import datetime
from typing import Any

from earn.operations.outcome import Change, Impossible, Outcome, customer_of

FREEZES = ("frozen_in", "frozen_out")
YES, NO = "yes", "no"


def freeze(request: dict[str, Any], *, key: str, at: datetime) -> Outcome:  # noqa: ARG001
    """`customer`; `frozen_in` and `frozen_out` as they are to be, "yes" or "no"."""
    customer = customer_of(request)
    type(customer).objects.select_for_update(no_key=True).get(pk=customer.pk)
    customer.refresh_from_db()
    subject = f"customer:{customer.pk}"
    changes = []
    for name in FREEZES:
        before, after = getattr(customer, name), request.get(name) == YES
        if before != after:
            setattr(customer, name, after)
            changes.append(Change(subject, name, _word(is_so=before), _word(is_so=after)))
    if not changes:
        raise Impossible("The customer is frozen in just that way already.")
    customer.save(update_fields=FREEZES)
    return Outcome(subject=subject, changes=changes)


def _word(*, is_so: bool) -> str:
    return YES if is_so else NO
