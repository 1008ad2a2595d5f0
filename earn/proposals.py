"""Four eyes: one member of staff proposes, another one carries it out by approving.

What a proposal does is found by doing it: a dry run, rolled back, gives the exact entries
and changes, and the approval is refused unless it does the very same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Sum

from earn import audit, operations, prices
from earn.audit import Actor
from earn.days import business_day, start_of
from earn.models import Operation, OperationLimit, Order, Proposal, User, Verdict
from earn.operations import Impossible, Outcome, Unusual, run
from earn.refusals import Refusal
from ledger import posting
from ledger.models import Asset, Posting
from ledger.money import plain

LASTS = timedelta(days=3)
UNUSUAL = 1000  # times the usual amount: a slip of the unit is more likely than the wish
LONGEST = 2000  # characters of a reason or a comment
LONGEST_KEY = 200
USUAL_OF = 101  # the latest amounts, whose median is the usual one
FEW = 3  # amounts that say what is usual; with fewer, the worth does
LARGE = Decimal(1_000_000)  # in the reporting currency
MAKE, CHECK = "earn.make_proposal", "earn.check_proposal"


class ProposalRefused(Exception):
    """Nothing was done; the message says what to do."""


class ConfirmationNeeded(ProposalRefused):
    """A figure is unusual: it is to be typed once more."""


class KeyRefused(ProposalRefused):
    """The key is none, or names a proposal of something else."""


class EffectChanged(ProposalRefused):
    """What would happen now is not what was proposed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an operation would do, found by a dry run."""

    outcome: Outcome
    effect: dict[str, Any]
    unusual: Unusual | None


class Used(NamedTuple):
    """A limit, and what its operation has moved of the asset on the UTC day."""

    limit: OperationLimit
    moved: Decimal

    @property
    def left(self) -> Decimal:
        """Nothing, too, where the limit was lowered below what had gone already."""
        left: Decimal = self.limit.a_day - self.moved
        return max(left, Decimal(0))


def try_out(operation: str, request: dict[str, Any], *, at: datetime) -> Trial:
    """Does it and undoes it. Raises ProposalRefused in words for whoever asks."""
    with transaction.atomic():
        outcome, effect = _run(operation, request, key=f"trial:{uuid4()}", at=at)
        transaction.set_rollback(True)
    effect["facts"] = facts(operation, request, at=at)
    return Trial(outcome, effect, outcome.unusual or _unusual(operation, outcome, at))


def facts(operation: str, request: dict[str, Any], *, at: datetime) -> list[list[str]]:
    """What it would cost and concern now, as pairs; none where nobody can tell."""
    try:
        return [list(fact) for fact in operations.facts(operation, request, at=at)]
    except Impossible:
        return []


def propose(
    operation: str,
    request: dict[str, Any],
    *,
    key: str,
    reason: str,
    by: Actor,
    confirmed: str = "",
    lasts: timedelta = LASTS,
) -> Proposal:
    """Keeps a proposal with its effect; the same key gives the first one again.

    `confirmed` repeats an unusual figure. Raises ProposalRefused, ConfirmationNeeded; and
    KeyRefused where the key is known of another request, reason or maker.
    """
    _may(by.user, MAKE)
    reason = _written("Reason", reason)
    if not reason:
        raise ProposalRefused("Say why: the reason is kept with the proposal.")
    if not key or len(key) > LONGEST_KEY or "\x00" in key:
        raise KeyRefused(f"A key is a text of 1 to {LONGEST_KEY} characters.")
    asked = (operation, request, reason, by.user.pk)
    known = Proposal.objects.filter(key=key).first()
    if known:
        return _same(known, asked)
    trial = try_out(operation, request, at=by.at)
    outcome = trial.outcome
    _check_limit(operation, outcome)
    unusual = trial.unusual
    if unusual and confirmed.strip() != unusual.to_type:
        raise ConfirmationNeeded(
            f"{unusual.why} If it is meant, type the figure once more; two others will "
            "have to approve it."
        )
    with transaction.atomic():
        proposal, is_new = Proposal.objects.get_or_create(
            key=key,
            defaults={
                "operation": operation,
                "maker": by.user,
                "made_at": by.at,
                "expires_at": by.at + lasts,
                "reason": reason,
                "request": request,
                "subject": outcome.subject,
                "effect": trial.effect,
                "asset": outcome.asset,
                "amount": outcome.amount,
                "checkers_needed": 2 if unusual else 1,
            },
        )
        if is_new:
            _trail(by, "PROPOSE", proposal)
    return _same(proposal, asked)


def approve(proposal_id: int, *, by: Actor, comment: str = "") -> Proposal:
    """The last checker's word carries it out, all in one transaction.

    Raises ProposalRefused and EffectChanged; then nothing has happened.
    """
    _may(by.user, CHECK)
    comment = _written("Comment", comment)

    def act() -> Proposal:
        with transaction.atomic():  # nothing of it stays, also inside another transaction
            return _approve(proposal_id, by, comment)

    return posting.in_transaction(act)


def reject(proposal_id: int, *, by: Actor, comment: str) -> Proposal:
    """Raises ProposalRefused, also where no reason is given."""
    _may(by.user, CHECK)
    comment = _written("Comment", comment)
    if not comment:
        raise ProposalRefused("Say why it is rejected.")
    with transaction.atomic():
        proposal = _waiting(proposal_id)
        _say(proposal, by, approves=False, comment=comment)
        return _decide(proposal, Proposal.State.REJECTED, by, "REJECT", comment)


def withdraw(proposal_id: int, *, by: Actor) -> Proposal:
    """By its maker alone. Raises ProposalRefused."""
    with transaction.atomic():
        proposal = _waiting(proposal_id)
        if proposal.maker_id != by.user.pk:
            raise ProposalRefused("Only its maker withdraws a proposal.")
        return _decide(proposal, Proposal.State.WITHDRAWN, by, "WITHDRAW", "")


def expire(*, at: datetime) -> int:
    """Ends the proposals whose time is over, each with its trail; how many."""
    overdue = Proposal.objects.filter(state=Proposal.State.WAITING, expires_at__lte=at)
    overdue = overdue.select_for_update(skip_locked=True)  # somebody judges it just now
    with transaction.atomic():
        found = list(overdue.order_by("pk"))
        for proposal in found:
            proposal.state, proposal.decided_at = Proposal.State.EXPIRED, at
            proposal.save(update_fields=["state", "decided_at"])
            audit.record_by_itself(
                "EXPIRE",
                proposal.subject,
                at=at,
                after={"state": str(proposal.state)},
                proposal=proposal,
            )
    return len(found)


def waiting(*, at: datetime) -> QuerySet[Proposal]:
    """What may still be approved, the oldest first."""
    found = Proposal.objects.filter(state=Proposal.State.WAITING, expires_at__gt=at)
    return found.order_by("pk")


def decided(*, before: int | None = None) -> QuerySet[Proposal]:
    """The newest first; from below a number on."""
    found = Proposal.objects.exclude(state=Proposal.State.WAITING).order_by("-pk")
    return found if before is None else found.filter(pk__lt=before)


def waiting_for(user: User, *, at: datetime) -> QuerySet[Proposal]:
    """What this member of staff could approve now: made by another, not yet judged."""
    judged = Verdict.objects.filter(checker=user).values("proposal")
    found = waiting(at=at).exclude(maker=user).exclude(pk__in=judged)
    return found if user.has_perm(CHECK) else found.none()


def limits(*, at: datetime, after: tuple[str, str] = ("", ""), most: int) -> list[Used]:
    """By code of the asset and operation, from behind such a pair on."""
    code, operation = after
    rows = OperationLimit.objects.select_related("asset").filter(
        Q(asset__code__gt=code) | Q(asset__code=code, operation__gt=operation)
    )
    shown = list(rows.order_by("asset__code", "operation")[:most])
    today = start_of(business_day(at))
    done = Proposal.objects.filter(
        state=Proposal.State.DONE,
        amount__isnull=False,
        operation__in={x.operation for x in shown},
        asset__in={x.asset_id for x in shown},
        decided_at__gte=today,
        decided_at__lt=today + timedelta(days=1),
    )
    sums = done.values_list("operation", "asset").annotate(Sum("amount"))
    moved = {(name, asset): amount for name, asset, amount in sums}
    return [Used(x, moved.get((x.operation, x.asset_id), Decimal(0))) for x in shown]


def usual_amount(operation: str, asset: Asset) -> Decimal | None:
    """The median of the latest amounts of that kind; None while there are too few."""
    amounts = sorted(_latest(operation, asset))
    return amounts[len(amounts) // 2] if len(amounts) >= FEW else None


def _same(known: Proposal, asked: tuple[str, dict[str, Any], str, int]) -> Proposal:
    """The proposal, if it is of just what is asked now."""
    if (known.operation, known.request, known.reason, known.maker_id) != asked:
        raise KeyRefused(
            f"This form was sent before, with something else in it: it is proposal "
            f"{known.pk}. Nothing of what stands here is proposed."
        )
    return known


def _written(name: str, text: str) -> str:
    if "\x00" in text:
        raise ProposalRefused(f"{name}: there is a NUL character, which no text has.")
    if len(text) > LONGEST:
        raise ProposalRefused(f"{name}: {LONGEST} characters at most.")
    return text.strip()


def _approve(proposal_id: int, by: Actor, comment: str) -> Proposal:
    proposal = _waiting(proposal_id)
    if proposal.expires_at <= by.at:
        raise ProposalRefused("This proposal has expired: propose it anew.")
    _say(proposal, by, approves=True, comment=comment)
    if proposal.verdicts.filter(approves=True).count() < proposal.checkers_needed:
        _trail(by, "APPROVE", proposal, reason=comment)
        return proposal
    _, effect = _run(
        proposal.operation, proposal.request, key=f"proposal:{proposal.pk}", at=by.at
    )
    shown = {name: proposal.effect[name] for name in effect}  # facts may have moved on
    if effect != shown:
        raise EffectChanged(
            "What would happen now is no longer what was proposed: reject it, and have it "
            "proposed anew."
        )
    return _decide(proposal, Proposal.State.DONE, by, "APPROVE", comment)


def _run(
    operation: str, request: dict[str, Any], *, key: str, at: datetime
) -> tuple[Outcome, dict[str, Any]]:
    try:
        with transaction.atomic():
            outcome = run(operation, request, key=key, at=at)
            return outcome, _effect(outcome)
    except (Impossible, Refusal, posting.TryAgain) as error:
        raise ProposalRefused(str(error)) from error


def _effect(outcome: Outcome) -> dict[str, Any]:
    lines = Posting.objects.filter(entry__in=outcome.entries)
    lines = lines.select_related("debit", "credit", "asset", "entry")
    return {
        "lines": [
            [
                line.entry.kind,
                line.debit.code,
                line.credit.code,
                plain(line.amount),
                line.asset.code,
            ]
            for line in lines.order_by("entry_id", "line")
        ],
        "changes": [change.as_json() for change in outcome.changes],
    }


def _waiting(proposal_id: int) -> Proposal:
    proposal = Proposal.objects.select_for_update().filter(pk=proposal_id).first()
    if proposal is None:
        raise ProposalRefused("There is no such proposal.")
    if proposal.state != Proposal.State.WAITING:
        raise ProposalRefused("This proposal is decided already.")
    return proposal


def _say(proposal: Proposal, by: Actor, *, approves: bool, comment: str) -> None:
    if proposal.maker_id == by.user.pk:
        raise ProposalRefused("Another one than its maker judges a proposal.")
    if proposal.verdicts.filter(checker=by.user).exists():
        raise ProposalRefused("You have judged this proposal already.")
    Verdict.objects.create(
        proposal=proposal,
        maker_id=proposal.maker_id,
        checker=by.user,
        at=by.at,
        approves=approves,
        comment=comment,
    )


def _decide(proposal: Proposal, state: str, by: Actor, act: str, reason: str) -> Proposal:
    proposal.state, proposal.decided_at = state, by.at
    try:
        with transaction.atomic():
            proposal.save(update_fields=["state", "decided_at"])
    except IntegrityError as error:
        if not posting.constraint_of(error):
            raise
        sentence = str(error).splitlines()[0]
        raise ProposalRefused(f"{sentence[:1].upper()}{sentence[1:]}.") from error
    _trail(by, act, proposal, reason=reason)
    return proposal


def _trail(by: Actor, act: str, proposal: Proposal, *, reason: str = "") -> None:
    """Of what is done, what it changed; of the others, what it would."""
    changes = proposal.effect["changes"]
    audit.record(
        by,
        act,
        proposal.subject,
        before={change["what"]: change["before"] for change in changes},
        after={change["what"]: change["after"] for change in changes}
        | {"state": str(proposal.state)}
        | ({"lines": proposal.effect["lines"]} if proposal.effect["lines"] else {}),
        reason=reason or proposal.reason,
        proposal=proposal,
    )


def _check_limit(operation: str, outcome: Outcome) -> None:
    """Kindly, before anybody waits for a checker; the database has the last word."""
    if outcome.amount is None or outcome.asset is None:
        return
    limit = OperationLimit.objects.filter(operation=operation, asset=outcome.asset).first()
    if limit and outcome.amount > limit.at_once:
        raise ProposalRefused(
            f"The limit of one operation is {plain(limit.at_once)} {outcome.asset.code}."
        )


def _unusual(operation: str, outcome: Outcome, at: datetime) -> Unusual | None:
    """By what is usual; where nothing is yet, by what it is worth."""
    if outcome.amount is None or outcome.asset is None:
        return None
    usual = usual_amount(operation, outcome.asset)
    if usual is None:
        why = _large(outcome.amount, outcome.asset, at)
    else:
        is_unusual = outcome.amount >= usual * UNUSUAL
        why = f"This is {UNUSUAL} times the usual amount or more." if is_unusual else ""
    return Unusual(why, plain(outcome.amount)) if why else None


def _large(amount: Decimal, asset: Asset, at: datetime) -> str:
    quote = prices.latest(at=at).quote(asset, at)
    if quote is None:
        return f"Nothing says whether this is much: {asset.code} has no price now."
    if amount * quote.price >= LARGE:
        return f"This is worth {plain(LARGE)} {settings.REPORTING_CURRENCY} or more."
    return ""


def _latest(operation: str, asset: Asset) -> list[Decimal]:
    """Of orders where customers place such ones too, else of what was approved."""
    kind = _ORDERS.get(operation)
    if kind:
        orders = Order.objects.filter(
            kind=kind, state=Order.State.DONE, request__asset=asset.code
        )
        latest = orders.order_by("-pk").values_list("amount", flat=True)[:USUAL_OF]
        return [amount for amount in latest if amount is not None]
    done = Proposal.objects.filter(
        operation=operation, asset=asset, state=Proposal.State.DONE, amount__isnull=False
    )
    amounts = done.order_by("-decided_at").values_list("amount", flat=True)[:USUAL_OF]
    return [amount for amount in amounts if amount is not None]


def _may(user: User, permission: str) -> None:
    if not user.has_perm(permission):
        raise ProposalRefused("Your role does not allow this.")


_ORDERS: dict[str, str] = {
    Operation.DEPOSIT: Order.Kind.DEPOSIT,
    Operation.WITHDRAWAL: Order.Kind.WITHDRAW,
}
