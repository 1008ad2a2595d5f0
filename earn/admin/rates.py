"""The rates of a product as a table that is checked while one types, and what they cost."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from earn import catalogue, repricing, uptake
from earn.admin.catalogue import LARGEST, crumb, product_of
from earn.admin.proposing import fraction
from earn.catalogue import Row
from earn.days import ONE_DAY, business_day
from earn.desk import page, show
from earn.models import Product, ProductKind
from earn.operations import Impossible
from earn.operations.products import rates_in_words, row_of
from earn.proposals import MAKE
from earn.repricing import Cost, Fault
from ledger.money import plain, round_half_up_to_unit

MOST_COSTED = 100_000  # positions whose cost a page may reckon: well below a second
MOST, MORE = 200, 3  # rows of a chart; empty ones that are added at once


class Line(NamedTuple):
    """A row as it is written. `rate` is in percent."""

    term: str
    lower: str
    rate: str


@dataclass(slots=True)
class Asked:
    """What the form says, read as far as it can be."""

    product: Product
    lines: list[Line]
    effective_on: date | None
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@page("products/<int:object_id>/rates/", name="rates", permission=MAKE)
@require_http_methods(["GET", "HEAD", "POST"])
def rates(request: HttpRequest, object_id: int) -> HttpResponse:
    """Filled in, looked at with its cost; then it goes on to the proposal."""
    found, at = product_of(object_id), datetime.now(UTC)
    known: dict[str, Any] = {}
    if request.method == "POST":
        asked = _read(found, request.POST, at)
        is_looked_at = request.POST.get("step") != "more"
        known = _said(asked, at) if is_looked_at else {}
        if is_looked_at and not asked.faults:
            known |= _costs(asked)
    else:
        asked = _before(found, request.GET, at)
    status = 422 if known and asked.faults else 200
    return show(
        request,
        "desk/rates.html",
        _("Rates of %(product)s") % {"product": found.code},
        status=status,
        crumbs=[crumb()],
        product=found,
        is_fixed=found.kind == ProductKind.FIXED,
        lines=[*asked.lines, *[Line("", "", "")] * MORE][:MOST],
        effective_on=asked.effective_on,
        **known,
    )


@page("products/<int:object_id>/rates/check/", name="rates-check", permission=MAKE)
@require_POST
def check(request: HttpRequest, object_id: int) -> HttpResponse:
    """What is said of the table as it stands: a part of the page."""
    found, at = product_of(object_id), datetime.now(UTC)
    said = _said(_read(found, request.POST, at), at)
    said |= {"is_check": True}  # costs that stand there are of another table
    return show(request, "desk/_rates_said.html", "", product=found, **said)


def _before(product: Product, query: QueryDict, at: datetime) -> Asked:
    """The latest announced rates, or those of the product it was copied from."""
    like = query.get("like", "")
    is_number = like.isascii() and like.isdecimal() and int(like[:19]) <= LARGEST
    source = Product.objects.filter(pk=int(like)).first() if is_number else None
    announced = (source or product).charts.filter(announced_at__isnull=False)
    rows = repricing.rows_of(announced.order_by("effective_on", "version").last())
    first = max(repricing.notice_ends(product, at=at), repricing.earliest(product, at=at))
    return Asked(product, [_line(row) for row in rows], first)


def _line(row: Row) -> Line:
    term = str(row.term_days or "")
    return Line(term, plain(row.from_amount), plain(row.annual_rate * 100))


def _read(product: Product, sent: QueryDict, at: datetime) -> Asked:
    columns = (sent.getlist(name)[:MOST] for name in ("term", "from", "rate"))
    lines = [Line(*(text.strip()[:60] for text in line)) for line in _zipped(columns)]
    asked = Asked(product, [line for line in lines if any(line)], _day(sent))
    for number, line in enumerate(lines, start=1):
        if any(line):
            _add(asked, number, line)
    if asked.faults:
        return asked
    numbers = [number for number, line in enumerate(lines, start=1) if any(line)]
    asked.faults = [
        fault._replace(row=fault.row and numbers[fault.row - 1])
        for fault in repricing.faults(product, asked.rows)
    ]
    if asked.effective_on is None:
        asked.faults.append(Fault(None, _("Say from which day on.")))
    elif not asked.faults:
        asked.faults += repricing.late(
            product, effective_on=asked.effective_on, rows=asked.rows, at=at
        )
    return asked


def _zipped(columns: Iterator[list[str]]) -> list[tuple[str, str, str]]:
    terms, lowers, percents = columns
    terms = terms or [""] * len(lowers)  # a flexible product's table has none
    return list(zip(terms, lowers, percents, strict=False))


def _add(asked: Asked, number: int, line: Line) -> None:
    wanted = {"term_days": line.term, "from": line.lower, "rate": fraction(line.rate)}
    try:
        asked.rows.append(row_of(asked.product, wanted))
    except Impossible as error:
        asked.faults.append(Fault(number, str(error)))


def _day(sent: QueryDict) -> date | None:
    try:
        return date.fromisoformat(sent.get("effective_on", ""))
    except ValueError:
        return None


def _said(asked: Asked, at: datetime) -> dict[str, Any]:
    """Faults, order and notice: what costs nothing to find."""
    product, rows = asked.product, asked.rows
    known: dict[str, Any] = {
        "faults": asked.faults,
        "notice_ends": repricing.notice_ends(product, at=at),
        "earliest": repricing.earliest(product, at=at),
        "today": business_day(at),
        "is_sound": not asked.faults,
    }
    if asked.faults or asked.effective_on is None:
        return known
    day = asked.effective_on
    before = catalogue.chart_on(product, day - ONE_DAY) if day > date.min else None
    return known | {
        "is_unordered": rows != sorted(rows, key=lambda x: (x.term_days or 0, x[1])),
        "is_cut": repricing.is_cut(product, effective_on=day, rows=rows),
        "was": rates_in_words(product, repricing.rows_of(before)),
        "will_be": rates_in_words(product, rows),
    }


def _costs(asked: Asked) -> dict[str, Any]:
    """What the chart costs, and what the proposal's own form is filled in with."""
    product, day = asked.product, asked.effective_on
    assert day is not None  # it was found sound
    lines = (
        f"{row.term_days or ''} {plain(row.from_amount)} {plain(row.annual_rate * 100)}"
        for row in asked.rows
    )
    known: dict[str, Any] = {"rows_text": "\n".join(line.strip() for line in lines)}
    if product.kind == ProductKind.FIXED:
        return known | {"is_for_new_terms": True}
    if uptake.is_more_than(MOST_COSTED, flexible_of=product):
        return known | {"is_large": True, "most": MOST_COSTED, "words": _words(asked)}
    cost = repricing.cost(product, effective_on=day, rows=asked.rows)
    return known | {"cost": cost, **_figures(product, cost)}


def _words(asked: Asked) -> str:
    """What stands behind the command that reckons the same."""
    rows = (f"{plain(x.from_amount)}={plain(x.annual_rate * 100)}" for x in asked.rows)
    return " ".join([asked.product.code, str(asked.effective_on), *rows])


def _figures(product: Product, cost: Cost) -> dict[str, Decimal]:
    """Rounded to the asset's unit, as they are shown; `less` is a saving."""
    more = round_half_up_to_unit(cost.a_month_more, scale=product.asset.scale)
    amounts = {"yearly_before": cost.before, "yearly_after": cost.after}
    return {"more": more, "saved": -more} | {
        name: round_half_up_to_unit(amount, scale=product.asset.scale)
        for name, amount in amounts.items()
    }
