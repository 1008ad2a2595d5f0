"""Breaks: where books, sub-ledgers and custodians differ, since when, and who sees to it.

The only writer of Break. One difference is one open break, however often it is seen.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from earn import audit
from earn.audit import Actor, Itself
from earn.models import Break, User
from ledger.money import plain

MOST_AT_ONCE = 1000  # of a kind that one comparison opens: who has more has one cause

Subject = tuple[int, str]  # id of the asset, and what of it
Figures = tuple[Decimal, Decimal]  # stated, and in the books


class BreakRefused(Exception):
    """Nothing was changed; the message is a sentence for whoever asked."""


def one_at_a_time() -> None:
    """Until the end of the transaction nobody else opens or closes a break."""
    with connection.cursor() as cursor:
        cursor.execute("lock table earn_break in share row exclusive mode")


def still_open(kind: str) -> QuerySet[Break]:
    return Break.objects.filter(kind=kind, resolved_at=None).order_by("pk")


def add(new: Iterable[Break]) -> list[Break]:
    """Opens breaks that no open one is the same as; see `one_at_a_time`."""
    return Break.objects.bulk_create(new)


def settle(
    kind: str, found: Mapping[Subject, Figures], *, by: Actor | Itself
) -> tuple[int, int]:
    """Opens a break for each difference that has none, and closes those that are gone.

    How many were opened and closed. A break keeps its first figures while it is open.
    """
    known = {(x.asset_id, x.subject): x for x in still_open(kind)}
    new = [
        Break(
            kind=kind,
            asset_id=subject[0],
            subject=subject[1],
            as_of=by.at,
            opened_at=by.at,
            stated=figures[0],
            books=figures[1],
        )
        for subject, figures in found.items()
        if subject not in known
    ]
    opened = add(new[:MOST_AT_ONCE])
    gone = [known[subject] for subject in known if subject not in found]
    for one in gone:
        close(one, "The difference is gone: a later comparison agrees.", by=by)
    return len(opened), len(gone)


def close(found: Break, note: str, *, by: Actor | Itself) -> None:
    """By itself: nobody had to say why."""
    _resolve(found, note, None, by)


def assign(break_id: int, *, owner: User, by: Actor) -> Break:
    """Makes somebody see to a break. Raises BreakRefused."""
    with transaction.atomic():
        found = _open(break_id)
        if not reconcilers().filter(pk=owner.pk).exists():
            raise BreakRefused("Only staff who may reconcile own a break.")
        before = found.owner.email if found.owner else ""
        found.owner = owner
        found.save(update_fields=["owner"])
        audit.record(
            by,
            "ASSIGN_BREAK",
            f"break:{found.pk}",
            before={"owner": before},
            after={"owner": owner.email},
        )
        return found


def resolve(break_id: int, *, note: str, by: Actor) -> Break:
    """Once and for ever, with a word on why. Raises BreakRefused."""
    if not note.strip():
        raise BreakRefused("A break is resolved with a note.")
    with transaction.atomic():
        found = _open(break_id)
        _resolve(found, note.strip(), by.user, by)
        return found


def _resolve(found: Break, note: str, resolver: User | None, by: Actor | Itself) -> None:
    found.note, found.resolved_at, found.resolved_by = note, by.at, resolver
    found.save(update_fields=["note", "resolved_at", "resolved_by"])
    audit.record(
        by,
        "RESOLVE_BREAK",
        f"break:{found.pk}",
        after={"difference": plain(found.difference)},
        reason=note,
    )


def _open(break_id: int) -> Break:
    """The break, locked. Raises Break.DoesNotExist or BreakRefused."""
    found = Break.objects.select_for_update(no_key=True).get(pk=break_id)
    if found.resolved_at is not None:
        raise BreakRefused("This break is resolved already.")
    return found


def reconcilers() -> QuerySet[User]:
    """Staff who may own a break."""
    right = Permission.objects.filter(content_type__app_label="earn", codename="reconcile")
    may = Q(groups__permissions__in=right) | Q(user_permissions__in=right)
    may |= Q(is_superuser=True)
    return User.objects.filter(may, is_staff=True, is_active=True).distinct()
