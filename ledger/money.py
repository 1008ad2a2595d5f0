"""Amounts: Decimals in whole units of an asset, always a multiple of its unit 10^-scale."""

import re
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

MAX_SCALE = 18
MAX_INTEGER_DIGITS = 20  # with 18 decimals, the 38 digits of NUMERIC(38,18)

_UNITS = tuple(Decimal(1).scaleb(-scale) for scale in range(MAX_SCALE + 1))
_PLAIN_NOTATION = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


class InvalidAmount(ValueError):
    """Not an amount of this asset; the message is a sentence for whoever wrote it."""


class TooManyDecimals(InvalidAmount):
    """An amount finer than the asset's unit. The message is a sentence, too."""


def unit(scale: int) -> Decimal:
    """The smallest amount of an asset with that many decimals (0 to 18)."""
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"A scale is 0 to {MAX_SCALE} decimals, not {scale}.")
    return _UNITS[scale]


def parse_amount(text: str, *, scale: int) -> Decimal:
    """Reads "1250.5": digits and a point, no sign, exponent, grouping or inner space.

    The result always carries `scale` decimals. Raises InvalidAmount or TooManyDecimals.
    """
    if not isinstance(text, str):
        raise InvalidAmount('Write the amount as text, like "1250.50", not as a number.')
    plain = _PLAIN_NOTATION.fullmatch(text.strip(" "))
    if plain is None:
        raise InvalidAmount('Write the amount with digits and a point, like "1250.50".')
    integer, decimals = plain[1], plain[2] or ""
    if len(integer) > MAX_INTEGER_DIGITS:
        raise InvalidAmount(
            f"The amount has more than {MAX_INTEGER_DIGITS} digits before the point."
        )
    if len(decimals) > scale:
        raise TooManyDecimals(
            f"The amount has {len(decimals)} decimals; this asset has {scale}."
        )
    return Decimal(plain[0]).quantize(unit(scale))


def format_amount(amount: Decimal, *, scale: int) -> str:
    """All decimals of the asset, never an exponent. Refuses what it would have to round."""
    if not is_whole_units(amount, scale=scale):
        raise InvalidAmount(f"{amount} is not a whole number of units of {unit(scale):f}.")
    return f"{abs(amount) if amount == 0 else amount:.{scale}f}"  # zero has no sign


def plain(number: Decimal) -> str:
    """The shortest plain notation: equal numbers give the same text, never an exponent."""
    return f"{number.normalize():f}"


def is_whole_units(amount: Decimal, *, scale: int) -> bool:
    """False for NaN and infinity. Raises TypeError for a float."""
    return _decimal(amount).is_finite() and amount % unit(scale) == 0


def floor_to_unit(amount: Decimal, *, scale: int) -> Decimal:
    return _decimal(amount).quantize(unit(scale), rounding=ROUND_FLOOR)


def round_half_up_to_unit(amount: Decimal, *, scale: int) -> Decimal:
    """A tie goes away from zero."""
    return _decimal(amount).quantize(unit(scale), rounding=ROUND_HALF_UP)


def _decimal(amount: Decimal) -> Decimal:
    if not isinstance(amount, Decimal):
        raise TypeError(f"Money is Decimal, never {type(amount).__name__}.")
    return amount
