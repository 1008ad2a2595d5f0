"""What a search of a table that grows looks for: whole keys, each by its own index.

An OR over joined tables reads all rows, so the keys are looked up first, one by one.
"""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from earn.models import Customer, Product

LARGEST = 2**63 - 1


def of_customers(rows: QuerySet[Any], text: str, *, by_product: bool) -> QuerySet[Any]:
    """Rows with this id, or of the customer with this reference or uuid, or the product."""
    wanted = Q(pk__in=[])
    if text.isascii() and text.isdecimal() and int(text[:20]) <= LARGEST:
        wanted |= Q(pk=int(text))
    customers = _customers(text)
    if customers:
        wanted |= Q(customer__in=customers)
    products = Product.objects.filter(code=text).values_list("pk", flat=True)
    if by_product and (numbers := list(products)):
        wanted |= Q(product__in=numbers)
    return rows.filter(wanted)


def _customers(text: str) -> list[int]:
    found = list(Customer.objects.filter(reference=text).values_list("pk", flat=True))
    try:
        uuid = UUID(text)
    except ValueError:
        return found
    return [*found, *Customer.objects.filter(uuid=uuid).values_list("pk", flat=True)]
