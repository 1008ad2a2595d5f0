"""Column types that several tables share."""

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _Decimal = models.DecimalField[Any, Any]
else:
    _Decimal = models.DecimalField


class AmountField(_Decimal):
    """Whole units of an asset, to its last decimal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"max_digits": 38, "decimal_places": 18} | options))


class RateField(_Decimal):
    """An annual simple rate (APR) as a fraction: 0.05 is 5 % a year."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"max_digits": 12, "decimal_places": 10} | options))
