from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from earn import repricing
from earn.catalogue import Row
from earn.management.arguments import read_day
from earn.models import Product, ProductKind
from earn.operations import Impossible
from earn.operations.products import row_of
from ledger.money import plain, round_half_up_to_unit


class Command(BaseCommand):
    help = "Says what new rates of a flexible product cost on today's balances."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", metavar="PRODUCT", help="its code")
        parser.add_argument("day", metavar="DATE", help="from which day on")
        parser.add_argument(
            "rows", nargs="+", metavar="FROM=PERCENT", help="a tier, like 0=4.5 or 1000=2"
        )

    def handle(self, *, product: str, day: str, rows: list[str], **_: Any) -> None:
        effective_on = read_day(day, option="DATE")
        found = Product.objects.select_related("asset").filter(code=product).first()
        if found is None or found.kind != ProductKind.FLEXIBLE:
            raise CommandError(f"{product!r} is no flexible product.", returncode=2)
        chart = [_row(found, text) for text in rows]
        faults = repricing.faults(found, chart)
        if faults:
            raise CommandError("; ".join(map(str, faults)), returncode=2)
        cost = repricing.cost(found, effective_on=effective_on, rows=chart)

        def amount(exact: Decimal) -> str:
            whole = round_half_up_to_unit(exact, scale=found.asset.scale)
            return f"{plain(whole)} {found.asset.code}"

        for line in (
            f"positions: {cost.positions}",
            f"balances: {amount(cost.balance)}",
            f"interest of a year before: {amount(cost.before)}",
            f"interest of a year after: {amount(cost.after)}",
            f"more in a month: {amount(cost.a_month_more)}",
            f"holders who earn less, and are told: {cost.told}",
        ):
            self.stdout.write(line)


def _row(product: Product, text: str) -> Row:
    lower, _, percent = text.partition("=")
    try:
        rate = plain(Decimal(percent).scaleb(-2))
        return row_of(product, {"from": lower, "rate": rate})
    except (InvalidOperation, Impossible) as error:
        raise CommandError(
            f"{text!r} is no tier: write 0=4.5 for 4.5 % from 0 on.", returncode=2
        ) from error
