"""Every page of the desk with what it shows something of: none is skipped by silence."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from django.contrib import admin
from django.urls import reverse

from earn import custody, proposals, reconciliation
from earn.audit import Actor
from earn.desk import Desk
from earn.models import AuditEvent, Break, CustodyStatement, Product, Proposal, User
from tests.admin.staff import member
from tests.earn.people import day, draft, on
from tests.portal.pages import Alice


class Things(NamedTuple):
    """Something of everything that an address of the desk names."""

    alice: Alice
    olga: User
    proposal: Proposal
    draft: Product
    statement: CustodyStatement
    difference: Break
    event: AuditEvent


def create_things(alice: Alice) -> Things:
    olga = member("olga", "operator")
    by = Actor(olga, on(28))
    asked = {"customer": str(alice.customer.pk), "asset": "USD", "amount": "5"}
    proposal = proposals.propose("DEPOSIT", asked, key="1", reason="Wire", by=by)
    rows = f"{','.join(custody.COLUMNS)}\n{day(25)},USD,,1,vault\n"
    statement = custody.take_in(rows.encode(), name="vault.csv", by=by).statement
    reconciliation.run(by=by)
    return Things(
        alice,
        olga,
        proposal,
        draft("plan"),
        statement,
        Break.objects.get(),
        AuditEvent.objects.filter(act="PROPOSE").get(),
    )


def _none(_of: Things) -> dict[str, Any]:
    return {}


def _number(of: Callable[[Things], Any]) -> Callable[[Things], dict[str, Any]]:
    return lambda things: {"object_id": of(things).pk}


_customer = _number(lambda of: of.alice.customer)
_product = _number(lambda of: of.alice.fixed.product)

ARGS: Mapping[str, Callable[[Things], dict[str, Any]]] = {
    "audit-event": _number(lambda of: of.event),
    "break": _number(lambda of: of.difference),
    "close": lambda _of: {"day": day(25)},
    "close-compared": lambda _of: {"day": day(25)},
    "custody-statement": _number(lambda of: of.statement),
    "customer": _customer,
    "customer-entries": _customer,
    "customer-orders": _customer,
    "customer-positions": _customer,
    "draft-copy": _product,
    "draft-edit": _number(lambda of: of.draft),
    "entry": lambda of: {"object_id": of.alice.redemption.entry_id},
    "explain-position": _number(lambda of: of.alice.fixed),
    "product": _product,
    "proposal": _number(lambda of: of.proposal),
    "propose": lambda _of: {"operation": "deposit"},
    "rates": _product,
    "staff-member": _number(lambda of: of.olga),
}
ASKED = {
    "account": f"?asset=USD&code=treasury:custody&first={day(20)}&last={day(25)}",
    "balance-sheet": f"?on={day(25)}",
    "income-statement": f"?first={day(20)}&last={day(25)}",
    "trial": f"?on={day(25)}",
}
SENT = "takes a form and leads back to its page"
NO_PAGE = {
    "approve": SENT,
    "assign-break": SENT,
    "audit-export": "a file",
    "close-go-on": SENT,
    "rates-check": "a part of the page of rates",
    "reconcile": SENT,
    "reject": SENT,
    "resolve-break": SENT,
    "schedule-switch": SENT,
    "upload-custody-statement": SENT,
    "withdraw": SENT,
}


def pages_of_the_desk(of: Things) -> Iterator[str]:
    for one in Desk.pages:
        if one.name not in NO_PAGE:
            args = ARGS.get(one.name, _none)(of)
            yield reverse(f"admin:{one.name}", kwargs=args) + ASKED.get(one.name, "")


def tables_of_the_desk() -> Iterator[str]:
    """Each table, and the first row of those of ours."""
    for model in admin.site._registry:
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{place}_changelist")
        row = model._default_manager.first()
        if row is not None and model._meta.app_label in ("earn", "ledger"):
            yield reverse(f"{place}_change", args=[row.pk])
