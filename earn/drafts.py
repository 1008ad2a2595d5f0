"""Drafts of products: they bind nobody, and are edited freely until they open."""

from django.db import transaction

from earn import audit, terms
from earn.audit import Actor
from earn.models import Product

# what is a copy's own: its number, code and state
_NOT_COPIED = {"id", "code", "state", "wound_up_at", "risk_version"}


class NotADraft(Exception):
    """The product has opened: its terms change by a proposal or never."""


def keep(product: Product, *, by: Actor) -> None:
    """Saves a new draft, or a known one as it is now. Raises NotADraft.

    The database refuses what no product may be; the caller has asked the constraints.
    """

    with transaction.atomic():
        before = _known(product)
        if before and _risks(before) != _risks(product):
            product.risk_version = before.risk_version + 1
        product.save()
        was, now = terms.as_text(before) if before else {}, terms.as_text(product)
        names = [name for name in {**was, **now} if was.get(name, "") != now.get(name, "")]
        audit.record(
            by,
            "EDIT_DRAFT" if before else "CREATE_DRAFT",
            f"product:{product.code}",
            before={name: was[name] for name in names if name in was},
            after={name: now.get(name, "") for name in names},
        )


def copy_of(product: Product) -> Product:
    """A draft with the same terms, not saved and without a code of its own yet."""
    names = [x.attname for x in Product._meta.concrete_fields if x.name not in _NOT_COPIED]
    return Product(**{name: getattr(product, name) for name in names})


def _known(product: Product) -> Product | None:
    if product.pk is None:
        return None
    known = Product.objects.select_for_update().select_related("asset").get(pk=product.pk)
    if known.state != Product.State.DRAFT:
        raise NotADraft(f"{known.code} is no draft any more.")
    return known


def _risks(product: Product) -> tuple[str, dict[str, str]]:
    return product.risk_text, product.risk_translations
