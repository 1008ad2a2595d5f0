"""Why an order is not carried out: a code for programs, a sentence for people."""

from typing import Any, ClassVar


class Refusal(Exception):
    """A business answer. `figures` are the numbers in the sentence, as text.

    Where a code has several sentences the figure `reason` tells which; the pages have each
    in the reader's language (`earn.portal.refusing`), the message is for programs and logs.
    """

    code: ClassVar[str] = ""

    def __init__(self, message: str, **figures: str) -> None:
        super().__init__(message)
        self.message = message
        self.figures = figures

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "figures": self.figures}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "Refusal":
        """The refusal that was told the first time."""
        return BY_CODE[stored["code"]](stored["message"], **stored["figures"])


class NotOpen(Refusal):
    code = "NOT_OPEN"


class NotEligible(Refusal):
    code = "NOT_ELIGIBLE"


class BelowMinimum(Refusal):
    code = "BELOW_MINIMUM"


class NotAStep(Refusal):
    code = "NOT_A_STEP"


class TooManyDecimals(Refusal):
    code = "TOO_MANY_DECIMALS"


class OverCustomerCap(Refusal):
    code = "OVER_CUSTOMER_CAP"


class SoldOut(Refusal):
    code = "SOLD_OUT"


class InsufficientFunds(Refusal):
    code = "INSUFFICIENT_FUNDS"


class NotRedeemable(Refusal):
    code = "NOT_REDEEMABLE"


class InLock(Refusal):
    code = "IN_LOCK"


class TermsChanged(Refusal):
    code = "TERMS_CHANGED"


class KeyReused(Refusal):
    code = "KEY_REUSED"


class Frozen(Refusal):
    code = "FROZEN"


BY_CODE: dict[str, type[Refusal]] = {kind.code: kind for kind in Refusal.__subclasses__()}
