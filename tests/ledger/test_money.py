from decimal import Decimal, getcontext
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import (
    InvalidAmount,
    TooManyDecimals,
    floor_to_unit,
    format_amount,
    is_whole_units,
    parse_amount,
    round_half_up_to_unit,
    unit,
)


def test_decimals_keep_80_digits_in_threads_to_come() -> None:
    found = []
    thread = Thread(target=lambda: found.append(getcontext().prec))
    thread.start()
    thread.join()
    assert found == [80]


@pytest.mark.parametrize(
    ("scale", "smallest"), [(0, "1"), (2, "0.01"), (8, "0.00000001"), (18, "1E-18")]
)
def test_the_unit_is_the_smallest_amount_of_that_many_decimals(
    scale: int, smallest: str
) -> None:
    assert unit(scale) == Decimal(smallest)


@pytest.mark.parametrize("scale", [-1, 19])
def test_a_scale_is_0_to_18(scale: int) -> None:
    with pytest.raises(ValueError, match="0 to 18"):
        unit(scale)


@pytest.mark.parametrize(
    ("text", "scale", "amount"),
    [
        ("0", 2, "0.00"),
        ("1250.5", 2, "1250.50"),
        ("1250.50", 2, "1250.50"),
        ("  7 ", 2, "7.00"),
        ("007", 0, "7"),
        ("0.00000001", 8, "0.00000001"),
        ("0.000000000000000001", 18, "0.000000000000000001"),
        ("99999999999999999999.999999999999999999", 18, "9" * 20 + "." + "9" * 18),
    ],
)
def test_plain_notation_is_read_to_the_assets_decimals(
    text: str, scale: int, amount: str
) -> None:
    assert str(parse_amount(text, scale=scale).as_tuple()) == str(
        Decimal(amount).as_tuple()
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "5.", ".5", "1e3", "1E-2", "NaN", "sNaN", "inf", "Infinity"),
        *("-1", "+1", "--1", "1,5", "1'000", "1_000", "1 000", "1.2.3", "0x10", "$5"),
        *("\t5", "5\n", "5\u00a0", "\u0665", "\uff15", "1\u22152", "five"),
    ],
)
def test_anything_but_plain_notation_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount, match="digits and a point") as refusal:
        parse_amount(text, scale=2)
    assert not isinstance(refusal.value, TooManyDecimals)


@pytest.mark.parametrize("number", [1.5, 1, True, None, Decimal("1.5"), b"1.5"])
def test_what_is_not_text_is_refused(number: object) -> None:
    with pytest.raises(InvalidAmount, match="as text"):
        parse_amount(number, scale=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "scale"), [("1.005", 2), ("1.500", 2), ("1.0", 0)])
def test_more_decimals_than_the_asset_has_are_refused_even_if_zero(
    text: str, scale: int
) -> None:
    with pytest.raises(TooManyDecimals, match=f"this asset has {scale}"):
        parse_amount(text, scale=scale)


def test_more_than_20_digits_before_the_point_are_refused() -> None:
    with pytest.raises(InvalidAmount, match="more than 20 digits"):
        parse_amount("1" + "0" * 20, scale=0)


def test_a_refused_amount_is_a_value_error() -> None:
    assert issubclass(InvalidAmount, ValueError)
    assert issubclass(TooManyDecimals, InvalidAmount)


@pytest.mark.parametrize(
    ("amount", "scale", "text"),
    [
        ("1.5", 8, "1.50000000"),
        ("1E-18", 18, "0.000000000000000001"),
        ("1E+3", 2, "1000.00"),
        ("-2.5", 2, "-2.50"),
        ("-0", 2, "0.00"),
        ("7.000", 0, "7"),
        ("9" * 20 + "." + "9" * 18, 18, "9" * 20 + "." + "9" * 18),
    ],
)
def test_amounts_are_written_with_all_their_decimals(
    amount: str, scale: int, text: str
) -> None:
    assert format_amount(Decimal(amount), scale=scale) == text


@pytest.mark.parametrize("amount", ["0.005", "NaN", "Infinity"])
def test_an_amount_finer_than_the_unit_is_not_written_rounded(amount: str) -> None:
    with pytest.raises(InvalidAmount, match="not a whole number of units"):
        format_amount(Decimal(amount), scale=2)


@given(st.integers(0, 18).flatmap(lambda s: st.tuples(st.just(s), st.integers(0, 10**38))))
def test_what_is_written_is_read_back(drawn: tuple[int, int]) -> None:
    scale, units = drawn
    units %= 10 ** (20 + scale)
    amount = Decimal(units).scaleb(-scale)
    assert parse_amount(format_amount(amount, scale=scale), scale=scale) == amount


@pytest.mark.parametrize(
    ("amount", "scale", "whole"),
    [
        ("1.50", 2, True),
        ("1.500", 2, True),
        ("1.505", 2, False),
        ("1.5", 0, False),
        ("1E-18", 18, True),
        ("1E-19", 18, False),
        ("-0.01", 2, True),
        ("1E+20", 18, True),
        ("NaN", 2, False),
        ("-Infinity", 2, False),
    ],
)
def test_whole_units_are_multiples_of_the_unit(
    amount: str, scale: int, *, whole: bool
) -> None:
    assert is_whole_units(Decimal(amount), scale=scale) is whole


@pytest.mark.parametrize(
    ("amount", "floored", "half_up"),
    [
        ("1.994", "1.99", "1.99"),
        ("1.995", "1.99", "2.00"),
        ("1.9949999999999999999", "1.99", "1.99"),
        ("2", "2.00", "2.00"),
        ("0.009", "0.00", "0.01"),
        ("-1.991", "-2.00", "-1.99"),
        ("-1.995", "-2.00", "-2.00"),
    ],
)
def test_rounding_to_the_unit(amount: str, floored: str, half_up: str) -> None:
    assert str(floor_to_unit(Decimal(amount), scale=2)) == floored
    assert str(round_half_up_to_unit(Decimal(amount), scale=2)) == half_up


@pytest.mark.parametrize(
    "function", [is_whole_units, floor_to_unit, round_half_up_to_unit, format_amount]
)
def test_a_float_is_refused_by_type(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match="never float"):
        function(1.5, scale=2)
