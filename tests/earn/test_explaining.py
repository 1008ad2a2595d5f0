from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from earn.explaining import (
    Difference,
    ExplainedDay,
    Figure,
    NothingToExplain,
    explain_days,
)
from earn.models import Accrual, Customer, Position
from tests.earn.people import (
    MONDAY,
    chart,
    close_to,
    day,
    fixed,
    flexible,
    on,
    redeem,
    subscribe,
)


def explained(position: Position) -> list[ExplainedDay]:
    return list(explain_days(position_id=position.pk))


def tamper(position: Position, number: int, **columns: str) -> None:
    """As a superuser could, with the triggers off."""
    changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(
            f"update earn_accrual set {changes} where position_id = %s and day = %s",
            [position.pk, day(number)],
        )


def test_every_day_of_a_position_is_derived_again_and_agrees(alice: Customer) -> None:
    tiers = [(None, 0, "0.12"), (None, 500, "0.008")]
    product = flexible(tiers=tiers, compounding="DAILY", day_count="30/360")
    position = subscribe(alice, product, 1000, on(0))
    close_to(5)
    subscribe(alice, product, 300, on(6))
    redeem(position, on(8), 450)
    close_to(40)
    days = explained(position)
    assert [x.explanation.day for x in days] == [day(n) for n in range(1, 41)]
    assert [x.differences for x in days] == [()] * 40
    stored = Accrual.objects.filter(position=position).order_by("day")
    assert [x.accrued for x in days] == [x.accrued for x in stored]
    assert [x.explanation.carry_out for x in days] == [x.carry for x in stored]


def test_one_day_starts_from_the_carry_of_the_day_before(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(4)
    (one,) = explain_days(position_id=position.pk, day=day(3))
    assert one == explained(position)[2]
    assert (
        one.explanation.carry_in == Accrual.objects.get(position=position, day=day(2)).carry
    )


def test_the_first_day_starts_from_nothing(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    (one,) = explain_days(position_id=position.pk, day=day(1))
    assert (one.explanation.carry_in, one.differences) == (0, ())


def test_the_chart_of_each_day_is_named(alice: Customer) -> None:
    product = flexible()
    position = subscribe(alice, product, 1000, on(0))
    chart(product, day(3), (None, 0, "0.20"), at=on(1))
    close_to(4)
    assert [x.chart_version for x in explained(position)] == [1, 1, 2, 2]


def test_a_fixed_position_keeps_its_chart(alice: Customer) -> None:
    product = fixed()
    position = subscribe(alice, product, 1000, on(0), term_days=10)
    chart(product, day(3), (10, 0, "0.20"), at=on(1))
    close_to(4)
    assert [(x.chart_version, x.differences) for x in explained(position)] == [(1, ())] * 4


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"interest": "0.28"}, ("INTEREST", "0.28", "0.27")),
        ({"carry": "carry + 1"}, ("CARRY", "6369.4", "6368.4")),
        ({"accrued": "0.99"}, ("ACCRUED", "0.99", "0.27")),
        ({"days": "2"}, ("DAYS", "2", "1")),
        ({"year_basis": "360"}, ("YEAR_BASIS", "360", "365")),
    ],
)
def test_a_changed_figure_is_named_with_what_it_should_be(
    alice: Customer, columns: dict[str, str], says: tuple[str, str, str]
) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(2)
    tamper(position, 1, **columns)
    assert says in explained(position)[0].differences


def test_programs_are_told_of_a_difference_by_code_and_in_a_sentence() -> None:
    differs = Difference(Figure.YEAR_BASIS, "360", "365")
    assert differs.sentence() == "The row says year basis 360, it follows 365."
    assert Difference(Figure.CHART_VERSION, "2", "").sentence() == (
        "The chart in force is none, the row has version 2."
    )


def test_a_chart_that_was_not_in_force_is_named(alice: Customer) -> None:
    product = flexible()
    position = subscribe(alice, product, 1000, on(0))
    later = chart(product, day(30), (None, 0, "0.20"), at=on(1))
    close_to(2)
    tamper(position, 2, chart_id=str(later.pk))
    differs = explained(position)[1].differences
    assert ("CHART_VERSION", "2", "1") in differs


def test_a_missing_row_is_named(alice: Customer) -> None:
    position = subscribe(alice, flexible(), 1000, on(0))
    close_to(4)
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("delete from earn_accrual where day = %s", [day(2)])
    gap = explained(position)[1]
    assert gap.differences[0] == ("ROW", "", str(day(2)))
    shown: Any = gap.as_json()["differences"]
    assert shown[0]["sentence"] == f"The row of {day(2)} is missing."


@pytest.mark.django_db
def test_an_unknown_position_is_a_sentence() -> None:
    with pytest.raises(NothingToExplain, match="^There is no position 7.$"):
        explain_days(position_id=7)


def test_a_day_without_interest_is_a_sentence(alice: Customer) -> None:
    position = subscribe(alice, fixed(), 1000, on(0), term_days=10)
    close_to(3)
    says = f"earns from {day(1)} through {day(10)}. It has no interest of {MONDAY}."
    with pytest.raises(NothingToExplain, match=says):
        explain_days(position_id=position.pk, day=MONDAY)


def test_a_position_without_a_closed_day_is_a_sentence(alice: Customer) -> None:
    position = subscribe(alice, flexible(), Decimal(1000), on(0))
    with pytest.raises(NothingToExplain, match="None of its days has been closed yet"):
        explain_days(position_id=position.pk)
