"""Refusals in the reader's language: what is wrong, and what to do about it."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from earn.models import Order, Position, Product
from earn.portal.filters import amount, moment
from earn.refusals import Refusal
from ledger.models import Asset

Figures = dict[str, str]


def sentence(refusal: Refusal, asset: Asset | None) -> str:
    """By the refusal's code and figures; `asset` is what its amounts are in."""
    return _BY_CODE[refusal.code](refusal.figures, asset)


def sentence_of(order: Order) -> str:
    """Why an order was refused; empty for one that was not."""
    if not order.refusal:
        return ""
    return sentence(Refusal.from_json(order.refusal), asset_of(order))


def asset_of(order: Order) -> Asset | None:
    """What its amounts are in."""
    if "asset" in order.request:
        return Asset.objects.filter(code=order.request["asset"]).first()
    product = product_of(order)
    return product.asset if product else None


def product_of(order: Order) -> Product | None:
    """Of an order that was refused nothing but what it asked for is known.

    A position or a redemption of somebody else's is not there.
    """
    if order.product:
        return order.product
    asked, hers = order.request, {"customer": order.customer_id}
    products = Product.objects.select_related("asset")
    if "product" in asked:
        return products.filter(code=asked["product"]).first()
    if "position" in asked:
        positions = Position.objects.filter(pk=str(asked["position"]), **hers)
        return products.filter(pk__in=positions.values("product")).first()
    redemptions = Order.objects.filter(pk=str(asked.get("order", 0)), **hers)
    return products.filter(pk__in=redemptions.values("product")).first()


def _not_open(told: Figures, _asset: Asset | None) -> str:
    if "opens_at" in told:
        return _("This product opens on %(moment)s. Come back then.") % {
            "moment": _moment(told["opens_at"])
        }
    if "ended_at" in told:
        return _(
            "The sale of this product ended on %(moment)s. Choose another product."
        ) % {"moment": _moment(told["ended_at"])}
    if "days" in told:
        return ngettext(
            "This product is not offered for %(n)s day. Choose another term.",
            "This product is not offered for %(n)s days. Choose another term.",
            int(told["days"]),
        ) % {"n": told["days"]}
    if "due_on" in told:
        return _(
            "This product is closed and takes no money back. The redemption goes on: "
            "it is paid to your wallet on %(day)s."
        ) % {"day": _day(told["due_on"])}
    return _not_open_because(told.get("reason", ""))


def _not_open_because(reason: str) -> str:
    sentences = {
        "PAUSED": _(
            "This product is paused and takes no new money. "
            "Choose another product, or try again later."
        ),
        "CLOSED": _("This product is closed. Choose another product."),
        "NO_RATE": _(
            "This product has no rate for money that comes today. Choose another product."
        ),
        "NO_FLEXIBLE": _(
            "There is no flexible product of this asset. Choose another instruction."
        ),
    }
    unknown = _("This product is not open for subscription. Choose another product.")
    return sentences.get(reason, unknown)


def _not_eligible(told: Figures, _asset: Asset | None) -> str:
    if told.get("reason") == "COUNTRY_UNKNOWN":
        return _(
            "This product is offered in some countries only, and we do not know yours yet. "
            "Please contact support."
        )
    if "minimum_kyc_level" not in told:
        return _("This product is not offered in your country. Choose another product.")
    if "kyc_level" not in told:
        return _(
            "This product asks for verification level %(needed)s. "
            "Please contact support to be verified."
        ) % {"needed": told["minimum_kyc_level"]}
    return _(
        "This product asks for verification level %(needed)s, and yours is %(level)s. "
        "Please contact support to be verified."
    ) % {"needed": told["minimum_kyc_level"], "level": told["kyc_level"]}


def _below_minimum(told: Figures, asset: Asset | None) -> str:
    if "minimum" not in told:
        return _("Enter an amount above zero.")
    return _("The smallest amount is %(minimum)s. Enter that or more.") % {
        "minimum": _money(told["minimum"], asset)
    }


def _not_a_step(told: Figures, asset: Asset | None) -> str:
    step = _money(told["step"], asset)
    if "nearest" not in told:
        return _("Amounts go in steps of %(step)s. Enter another one.") % {"step": step}
    return _("Amounts go in steps of %(step)s. %(nearest)s would do.") % {
        "step": step,
        "nearest": _money(told["nearest"], asset),
    }


def _too_many_decimals(told: Figures, asset: Asset | None) -> str:
    return too_many_decimals(asset.code if asset else "", int(told["scale"]))


def too_many_decimals(code: str, scale: int) -> str:
    """Of an amount finer than its asset, typed or ordered."""
    if not scale:
        return _("%(asset)s has no decimals. Enter a whole number.") % {"asset": code}
    return ngettext(
        "%(asset)s has %(n)s decimal at most. Leave out the others.",
        "%(asset)s has %(n)s decimals at most. Leave out the others.",
        scale,
    ) % {"asset": code, "n": scale}


def _over_customer_cap(told: Figures, asset: Asset | None) -> str:
    if not Decimal(told["left"]):
        return _(
            "You hold as much of this product as one customer may. Choose another product."
        )
    return _(
        "There is a limit to what one customer holds of this product, and you may still "
        "add %(left)s. Enter that or less."
    ) % {"left": _money(told["left"], asset)}


def _sold_out(told: Figures, asset: Asset | None) -> str:
    if not Decimal(told["left"]):
        return _(
            "This product is sold out. There is room again when others take their money "
            "out: try again later, or choose another product."
        )
    return _("%(left)s are left of this product. Enter that or less.") % {
        "left": _money(told["left"], asset)
    }


def _insufficient_funds(told: Figures, asset: Asset | None) -> str:
    if "balance" in told:
        return _("This position holds %(balance)s. Enter that or less.") % {
            "balance": _money(told["balance"], asset)
        }
    if "wallet" not in told:
        return _("Your wallet holds less than that. Enter less, or deposit more first.")
    if not Decimal(told["wallet"]):
        return _("Your wallet holds no %(asset)s. Deposit some first.") % {
            "asset": asset.code if asset else ""
        }
    return _(
        "Your wallet holds %(balance)s. Enter that or less, or deposit more first."
    ) % {"balance": _money(told["wallet"], asset)}


def _not_redeemable(told: Figures, _asset: Asset | None) -> str:
    if "matures_on" in told:
        return _(
            "This position cannot be ended early. It is paid on %(day)s; its page says "
            "until when you may change what happens then."
        ) % {"day": _day(told["matures_on"])}
    sentences = {
        "NOT_PENDING": _(
            "This redemption is not on its way any more. "
            "Its receipt says what became of it."
        ),
        "ENDED_EARLY": _(
            "A fixed term that was ended early stays ended. "
            "You may subscribe again once the money is in your wallet."
        ),
        "UNKNOWN": _("This is not there. Go back to Home and choose it again."),
        "CLOSED": _("This position is closed already. Its page says where the money went."),
        "MATURED": _(
            "This position has matured and is being settled. "
            "Look again after the daily close."
        ),
        "WHOLE_ONLY": _(
            "A fixed position is redeemed as a whole. Redeem everything, or leave it."
        ),
        "NO_INSTRUCTION": _(
            "Only an open fixed position has an instruction for maturity. "
            "Go back to Home and choose another."
        ),
    }
    unknown = _("This cannot be redeemed. Look at its page for what is possible.")
    return sentences.get(told.get("reason", ""), unknown)


def _in_lock(told: Figures, _asset: Asset | None) -> str:
    if "until" in told:
        return _(
            "The instruction could be changed until %(moment)s. It stays as it is; "
            "after maturity you decide again."
        ) % {"moment": _moment(told["until"])}
    if "from_day" in told:
        return _("This position can be redeemed from %(day)s on. Come back then.") % {
            "day": _day(told["from_day"])
        }
    return _("This position cannot be redeemed yet. Its page says from when on.")


def _terms_changed(_told: Figures, _asset: Asset | None) -> str:
    return _(
        "The terms have changed since you saw them, and nothing was done. "
        "Look at the new ones and confirm again."
    )


def _key_reused(_told: Figures, _asset: Asset | None) -> str:
    return _(
        "This page was used for another order, and nothing more was done. "
        "Open it again for a new order."
    )


def _frozen(_told: Figures, _asset: Asset | None) -> str:
    return _("This account is frozen, and nothing was done. Please contact support.")


def _money(text: str, asset: Asset | None) -> str:
    if asset is None:
        return number_format(text, use_l10n=True, force_grouping=True)
    return amount(Decimal(text), asset)


def _day(text: str) -> str:
    return date_format(date.fromisoformat(text))


def _moment(text: str) -> str:
    return moment(datetime.fromisoformat(text))


_BY_CODE: dict[str, Callable[[Figures, Asset | None], str]] = {
    "NOT_OPEN": _not_open,
    "NOT_ELIGIBLE": _not_eligible,
    "BELOW_MINIMUM": _below_minimum,
    "NOT_A_STEP": _not_a_step,
    "TOO_MANY_DECIMALS": _too_many_decimals,
    "OVER_CUSTOMER_CAP": _over_customer_cap,
    "SOLD_OUT": _sold_out,
    "INSUFFICIENT_FUNDS": _insufficient_funds,
    "NOT_REDEEMABLE": _not_redeemable,
    "IN_LOCK": _in_lock,
    "TERMS_CHANGED": _terms_changed,
    "KEY_REUSED": _key_reused,
    "FROZEN": _frozen,
}
