"""What the demo's staff do once its days are played: coins go to work, by four eyes."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group

from earn import proposals
from earn.audit import Actor
from earn.models import Operation, Proposal, User
from ledger import balances
from ledger.models import Asset
from ledger.money import floor_to_unit, plain

AT_WORK = Decimal("0.6")  # of what custody holds
EARNS = Decimal("1.1")  # times what the interest of customers has cost so far
VENUES = {
    "staking": ("Staking on chain", "7"),
    "lending": ("Lending desk", "1"),
}
STAKED = {"ETH", "SOL", "DOT", "ADA", "BNB", "TRX"}


def give_role(user: User, role: str) -> None:
    """Once: who has changed it since keeps it so."""
    if not user.groups.exists():
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        user.groups.add(Group.objects.get(name=role))


def put_to_work(*, maker: User, checkers: Iterable[User], at: datetime) -> None:
    """Each step once, whenever it is called: its key is that of its proposal.

    The first amounts of all are unusual: two check them.
    """
    for name, (operation, request) in _steps(at):
        key = f"demo:{name}"
        if Proposal.objects.filter(key=key).exclude(state="WAITING").exists():
            continue
        known = Proposal.objects.filter(key=key).first()
        proposal = known or _propose(operation, request, key, Actor(maker, at))
        for checker in checkers:
            may_judge = proposals.waiting_for(checker, at=at)
            if may_judge.filter(pk=proposal.pk).exists():
                proposals.approve(proposal.pk, by=Actor(checker, at))


def _propose(operation: str, request: dict[str, Any], key: str, by: Actor) -> Proposal:
    unusual = proposals.try_out(operation, request, at=by.at).unusual
    return proposals.propose(
        operation,
        request,
        key=key,
        reason="So that the demo has some.",
        by=by,
        confirmed=unusual.to_type if unusual else "",
    )


def _steps(at: datetime) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    for code, (name, days) in VENUES.items():
        terms = {"code": code, "name": name, "notice_days": days}
        yield f"venue:{code}", (Operation.VENUE, terms)
    held: dict[str, Decimal] = {}
    cost: dict[str, Decimal] = {}
    for row in balances.trial_balance(at=at):
        if row.heading == "treasury:custody":
            held[row.asset] = row.balance
        elif row.heading.endswith(":interest"):
            cost[row.asset] = cost.get(row.asset, Decimal(0)) + row.balance
    for asset in Asset.objects.filter(code__in=held).order_by("code"):
        venue = "staking" if asset.code in STAKED else "lending"
        moves: tuple[tuple[str, Decimal, dict[str, str]], ...] = (
            (Operation.DEPLOY, held[asset.code] * AT_WORK, {}),
            (
                Operation.YIELD,
                cost.get(asset.code, Decimal(0)) * EARNS,
                {"paid_to": "venue"},
            ),
        )
        for operation, wanted, more in moves:
            amount = floor_to_unit(wanted, scale=asset.scale)
            if amount > 0:
                known = {"venue": venue, "asset": asset.code, "amount": plain(amount)}
                yield f"{operation}:{asset.code}", (operation, known | more)
