"""What a scenario must come to, worked out once more, slowly, from the document alone.

It shares no code with the product: amounts are whole numbers of the asset's unit, rates are
fractions, and days follow one another in a loop. One customer, one product, as in design 8.
"""

from calendar import isleap, monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.scenarios.documents import Document, floored

ONE_DAY = timedelta(days=1)
Tiers = list[tuple[int, Fraction]]


class Refused(Exception):
    """Its only argument is the code."""


@dataclass
class Position:
    principal: int
    opened_on: date
    first_day: date
    tiers: Tiers | None = None
    term: int | None = None
    at_maturity: str = "PAY_OUT"
    minimum_rate: Fraction | None = None
    state: str = "OPEN"
    exact: Fraction = Fraction(0)  # all that was ever earned
    accrued: int = 0  # of it, whole units
    settled: int = 0
    interest_paid: int = 0
    received: int = 0
    lowest: int = 0  # that its balance was today
    days: list[Document] = field(default_factory=list)

    @property
    def owed(self) -> int:
        return self.accrued - self.settled

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=(self.term or 0) - 1)

    @property
    def matures_on(self) -> date:
        return self.last_day + ONE_DAY


@dataclass
class Pending:
    position: Position
    amount: int
    due_on: date


class Model:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.product = document["product"]
        self.scale = document["asset"]["scale"]
        self.is_fixed = self.product["kind"] == "FIXED"
        self.compounds = self.product.get("compounding") == "DAILY"
        self.positions: list[Position] = []
        self.redemptions: list[Pending | None] = []
        self.refused: list[tuple[int, str]] = []

    def play(self) -> Document:
        numbered = list(enumerate(self.document["events"], 1))
        events = sorted(numbered, key=lambda x: (moment(x[1]), x[0]))
        until = date.fromisoformat(self.document["until"])
        day = min([until, *(moment(event).date() for _, event in events)])
        while day <= until:
            for number, event in events:
                if moment(event).date() == day:
                    try:
                        getattr(self, event["do"])(event, moment(event), day)
                    except Refused as refusal:
                        self.refused.append((number, refusal.args[0]))
            if day < until:
                self.close(day)
            day += ONE_DAY
        return {
            "positions": [self.shown(n, x) for n, x in enumerate(self.positions, 1)],
            "refused": self.refused,
        }

    # Orders

    def subscribe(self, event: Document, _at: datetime, day: date) -> None:
        exact = Fraction(event["amount"]) * 10**self.scale
        if exact.denominator != 1:
            raise Refused("TOO_MANY_DECIMALS")
        amount = int(exact)
        if amount <= 0 or amount < self.units("minimum", 0):
            raise Refused("BELOW_MINIMUM")
        if self.units("step") and amount % self.units("step"):
            raise Refused("NOT_A_STEP")
        term = event.get("term_days") if self.is_fixed else None
        tiers = self.tiers_on(day + ONE_DAY, term)
        if not tiers:
            raise Refused("NOT_OPEN")
        self.take_room(amount)
        if not self.is_fixed:
            self.join(amount, day)
            return
        minimum = event.get("minimum_rate")
        self.positions.append(
            Position(
                principal=amount,
                opened_on=day,
                first_day=day + ONE_DAY,
                tiers=tiers,
                term=term,
                at_maturity=event.get("at_maturity", "PAY_OUT"),
                minimum_rate=None if minimum is None else Fraction(minimum),
            )
        )

    def redeem(self, event: Document, _at: datetime, day: date) -> None:
        position = self.position(event)
        if position.state != "OPEN":
            raise Refused("NOT_REDEEMABLE")
        asked = event.get("amount", "ALL")
        amount = None if asked == "ALL" else Fraction(asked) * 10**self.scale
        if self.is_fixed:
            left = self.leave_early(position, amount, day)
        else:
            left = self.leave(position, amount)
        delay = self.product.get("settlement_delay_days", 0)
        if delay and left:
            self.redemptions.append(Pending(position, left, day + timedelta(days=delay)))
        else:
            position.received += left
            self.redemptions.append(None)

    def cancel(self, event: Document, _at: datetime, day: date) -> None:
        position = self.position(event)
        numbers = [
            n for n, x in enumerate(self.redemptions) if x and x.position is position
        ]
        pending = self.redemptions[numbers[-1]] if numbers else None
        if pending is None or day >= pending.due_on or self.is_fixed:
            raise Refused("NOT_REDEEMABLE")
        self.take_room(pending.amount)
        self.join(pending.amount, day)
        self.redemptions[numbers[-1]] = None

    def instruct(self, event: Document, at: datetime, _day: date) -> None:
        position = self.position(event)
        if position.state != "OPEN" or not self.is_fixed:
            raise Refused("NOT_REDEEMABLE")
        hours = self.product.get("renewal_cutoff_hours", 0)
        if at >= midnight(position.matures_on) - timedelta(hours=hours):
            raise Refused("IN_LOCK")
        minimum = event.get("minimum_rate")
        position.at_maturity = event.get("at_maturity", "PAY_OUT")
        position.minimum_rate = None if minimum is None else Fraction(minimum)

    def leave(self, position: Position, amount: Fraction | None) -> int:
        """Takes from a flexible position; what of it goes the way of the redemption."""
        held = position.principal + (position.owed if self.compounds else 0)
        leaves = amount is None or amount == held
        if amount is not None and not leaves:
            self.check_part(amount, held)
        part = held if leaves else int(amount or 0)
        if leaves:
            self.settle_last_unit(position)
            part = position.principal + (position.owed if self.compounds else 0)
            position.state = "REDEEMED"
        interest = min(position.owed, part) if self.compounds else position.owed
        position.settled += interest
        position.interest_paid += interest
        if not self.compounds:
            position.received += interest
        position.principal -= part - (interest if self.compounds else 0)
        # the newest money leaves first: what stayed all day is the lowest balance
        position.lowest = min(position.lowest, self.earning(position))
        return part

    def leave_early(self, position: Position, amount: Fraction | None, day: date) -> int:
        early = self.product.get("early_redemption") or {"rule": "FORBIDDEN"}
        if early["rule"] == "FORBIDDEN":
            raise Refused("NOT_REDEEMABLE")
        if (day - position.opened_on).days < early.get("minimum_holding_days", 0):
            raise Refused("IN_LOCK")
        held = position.principal + (position.owed if self.compounds else 0)
        if amount is not None and amount not in (position.principal, held):
            self.check_part(amount, held)
            raise Refused("NOT_REDEEMABLE")
        entitled = self.rounded(self.entitled(position, early))
        due = entitled - position.interest_paid
        paid, clawed_back = max(due, 0), min(max(-due, 0), position.principal)
        left = position.principal - clawed_back
        position.state, position.principal = "REDEEMED", 0
        position.interest_paid += paid
        position.received += paid
        position.settled = position.accrued
        return left

    def entitled(self, position: Position, early: Document) -> Fraction:
        """Exact interest that the days run leave by the rule of the product."""
        run = len(position.days)
        if early["rule"] == "REDUCED_RATE":
            twin = Position(position.principal, position.opened_on, position.first_day)
            twin.tiers, twin.lowest = [(0, Fraction(early["rate"]))], position.principal
            for n in range(run):
                self.earn(twin, twin.first_day + n * ONE_DAY)
                if self.pays(twin.first_day + n * ONE_DAY):
                    twin.settled, twin.lowest = twin.accrued, twin.principal
            return min(twin.exact, position.exact)
        if early["rule"] == "FORFEIT_DAYS" and run > early["days"]:
            return Fraction(position.days[run - early["days"] - 1]["_exact"])
        return Fraction(0)

    # The close of a day

    def close(self, day: date) -> None:
        open_ones = [x for x in self.positions if x.state == "OPEN"]
        for position in open_ones:
            if position.first_day <= day:
                self.earn(position, day)
        self.pay_redemptions(day + ONE_DAY)
        for position in open_ones:
            if self.pays(day):
                self.pay(position)
            if position.term and position.last_day == day:
                self.mature(position)
        for position in self.positions:
            position.lowest = self.earning(position)

    def pay_redemptions(self, morning: date) -> None:
        for number, pending in enumerate(self.redemptions):
            if pending and pending.due_on == morning:
                pending.position.received += pending.amount
                self.redemptions[number] = None

    def earn(self, position: Position, day: date) -> None:
        basis = position.lowest
        tiers = position.tiers or self.tiers_on(day, None)
        yearly = self.yearly(basis, tiers)
        position.exact += yearly * self.share_of_year(position.first_day, day)
        interest = int(position.exact // 1) - position.accrued
        position.accrued += interest
        position.days.append(
            {
                "day": day.isoformat(),
                "basis": self.text(basis),
                "rate": plain(Fraction(yearly, basis) if basis else Fraction(0)),
                "interest": self.text(interest),
                "accrued": self.text(position.accrued),
                "_exact": str(position.exact),
            }
        )
        position.lowest = self.earning(position)

    def pay(self, position: Position) -> None:
        position.interest_paid += position.owed
        position.received += position.owed
        position.settled = position.accrued

    def mature(self, position: Position) -> None:
        self.settle_last_unit(position)
        renews = position.at_maturity in ("RENEW_PRINCIPAL", "RENEW_ALL")
        moves_all = position.at_maturity == "RENEW_ALL"
        moved = position.principal + (position.owed if moves_all else 0)
        tiers = self.tiers_on(position.matures_on, position.term)
        renews = renews and bool(tiers) and self.is_good(position, moved, tiers)
        position.state = "MATURED"
        position.interest_paid += position.owed
        if not renews:
            position.received += position.principal + position.owed
        elif not moves_all:
            position.received += position.owed
        position.settled, position.principal = position.accrued, 0
        if renews:
            self.positions.append(
                Position(
                    principal=moved,
                    opened_on=position.last_day,
                    first_day=position.matures_on,
                    tiers=tiers,
                    term=position.term,
                    at_maturity=position.at_maturity,
                    minimum_rate=position.minimum_rate,
                )
            )

    def is_good(self, position: Position, moved: int, tiers: Tiers) -> bool:
        """Whether a renewal earns enough and finds room."""
        rate = Fraction(self.yearly(moved, tiers), moved)
        if position.minimum_rate is not None and rounded_rate(rate) < position.minimum_rate:
            return False
        others = self.held() - position.principal
        limits = [x for x in (self.units("cap"), self.units("quota")) if x]
        return all(others + moved <= limit for limit in limits)

    def settle_last_unit(self, position: Position) -> None:
        unit = self.rounded(position.exact) - position.accrued
        position.accrued += unit

    # Figures

    def earning(self, position: Position) -> int:
        return position.principal + (position.owed if self.compounds else 0)

    def join(self, amount: int, day: date) -> None:
        for position in self.positions:
            if position.state == "OPEN":
                position.principal += amount
                return
        self.positions.append(Position(amount, day, day + ONE_DAY))

    def take_room(self, amount: int) -> None:
        if self.units("cap") and self.held() + amount > self.units("cap"):
            raise Refused("OVER_CUSTOMER_CAP")
        if self.units("quota") and self.held() + amount > self.units("quota"):
            raise Refused("SOLD_OUT")

    def check_part(self, amount: Fraction, held: int) -> None:
        if amount.denominator != 1:
            raise Refused("TOO_MANY_DECIMALS")
        if amount <= 0:
            raise Refused("BELOW_MINIMUM")
        if amount > held:
            raise Refused("INSUFFICIENT_FUNDS")

    def held(self) -> int:
        return sum(x.principal for x in self.positions if x.state == "OPEN")

    def position(self, event: Document) -> Position:
        number = event.get("position", 1)
        if number > len(self.positions):
            raise Refused("NOT_REDEEMABLE")
        return self.positions[number - 1]

    def units(self, name: str, default: int | None = None) -> Any:
        text = self.product.get(name)
        return default if text is None else int(Fraction(text) * 10**self.scale)

    def tiers_on(self, day: date, term: int | None) -> Tiers:
        charts = [x for x in self.product["charts"] if x["effective_on"] <= day.isoformat()]
        if not charts:
            return []
        latest = max(x["effective_on"] for x in charts)
        chart = [x for x in charts if x["effective_on"] == latest][-1]
        rows = [x for x in chart["rows"] if x.get("term_days") == term]
        units = 10**self.scale
        return sorted(
            (int(Fraction(x.get("from", "0")) * units), Fraction(x["rate"])) for x in rows
        )

    def yearly(self, basis: int, tiers: Tiers) -> Fraction:
        total = Fraction(0)
        for n, (lower, rate) in enumerate(tiers):
            upper = tiers[n + 1][0] if n + 1 < len(tiers) else None
            if self.product.get("tier_mode") == "WHOLE":
                if lower <= basis and (upper is None or basis < upper):
                    total += basis * rate
            elif basis > lower:
                total += (min(basis, upper if upper is not None else basis) - lower) * rate
        return total

    def pays(self, day: date) -> bool:
        payout = self.product.get("payout")
        is_month_end = day.day == monthrange(day.year, day.month)[1]
        return payout == "DAILY" or (payout == "MONTHLY" and is_month_end)

    def rounded(self, exact: Fraction) -> int:
        half = self.product.get("final_rounding") == "HALF_UP"
        return int((exact + Fraction(1, 2) if half else exact) // 1)

    def share_of_year(self, first_day: date, day: date) -> Fraction:
        """Of 30/360 the year's days up to tomorrow less those up to today."""
        kind = self.product.get("day_count", "ACT/365F")
        if kind in ("ACT/365F", "ACT/360"):
            return Fraction(1, int(kind[4:7]))
        if kind == "ACT/ACT":
            return Fraction(1, 366 if isleap(day.year) else 365)
        return Fraction(
            thirty(kind, first_day, day + ONE_DAY) - thirty(kind, first_day, day), 360
        )

    def text(self, units: int) -> str:
        return floored(Fraction(units, 10**self.scale), self.scale)

    def shown(self, number: int, position: Position) -> Document:
        return {
            "position": number,
            "state": position.state,
            "principal": self.text(position.principal),
            "accrued": self.text(position.owed),
            "interest_paid": self.text(position.interest_paid),
            "received": self.text(position.received),
            "matures_on": position.matures_on.isoformat() if position.term else None,
            "days": [
                {name: value for name, value in day.items() if name != "_exact"}
                for day in position.days
            ],
        }


def moment(event: Document) -> datetime:
    return datetime.fromisoformat(event["at"]).astimezone(UTC)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def thirty(kind: str, start: date, end: date) -> int:
    first, last = min(start.day, 30), end.day
    if last == 31 and (kind == "30E/360" or first == 30):
        last = 30
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def rounded_rate(rate: Fraction) -> Fraction:
    return Fraction(round(rate * 10**10), 10**10)


def plain(rate: Fraction) -> str:
    text = floored(rounded_rate(rate), 10)
    return text.rstrip("0").rstrip(".") if "." in text else text
