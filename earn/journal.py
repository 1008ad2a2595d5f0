"""Finding entries of the books by whatever staff have in their hands."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from earn.models import Customer, Order, Position
from ledger import journal
from ledger.journal import Before, Wanted
from ledger.models import Account, Asset, Entry


@dataclass(frozen=True, slots=True)
class Question:
    """One reference at most, of `key` to `customer`; the others narrow it down.

    An amount has its asset; an asset narrows an amount or a reference down, never all.
    """

    key: str = ""
    entry: int | None = None
    account: str = ""
    position: int | None = None
    order: int | None = None
    customer: Customer | None = None
    kind: str = ""
    asset: Asset | None = None
    amount: Decimal | None = None
    first: date | None = None
    last: date | None = None


def find(question: Question, *, limit: int, before: Before | None = None) -> list[int]:
    """Entries by their ids, newest day first."""
    if question.key or question.entry is not None:
        known = {"key": question.key} if question.key else {"pk": question.entry}
        found = Entry.objects.filter(**known).values_list("pk", flat=True)
        return [] if before else list(found)
    return journal.search(_wanted(question), limit=limit, before=before)


def _wanted(question: Question) -> Wanted:
    accounts, whole, noted = _accounts(question)
    return Wanted(
        accounts=accounts,
        whole=whole,
        noted=noted,
        kind=question.kind,
        asset_id=question.asset.pk if question.asset else None,
        amount=question.amount,
        first=question.first or date.min,
        last=question.last or date.max,
    )


_Accounts = tuple[list[int] | None, list[int], dict[str, object] | None]


def _accounts(question: Question) -> _Accounts:
    """Which accounts' entries are read. Those of an order or a position are found among
    its customer's own, for a note has no index."""
    if question.account:
        return _ids(code=question.account), [], None
    if question.position is not None:
        return _of_position(question.position)
    if question.order is not None:
        order = Order.objects.select_related("customer").filter(pk=question.order).first()
        owned = _ids(owner=order.customer.uuid) if order else []
        return owned, [], {"order": question.order}
    if question.customer is not None:
        return _ids(owner=question.customer.uuid), [], None
    return None, [], None


def _of_position(number: int) -> _Accounts:
    """All of its own account; of its customer's others what is noted to be of it."""
    found = Position.objects.select_related("customer").filter(pk=number).first()
    if found is None:
        return [], [], None
    owned = _ids(owner=found.customer.uuid)
    own = _ids(owner=found.customer.uuid, code=f"position:{number}:principal")
    return owned, own, {"position": number}


def _ids(**known: object) -> list[int]:
    return list(Account.objects.filter(**known).values_list("pk", flat=True))
