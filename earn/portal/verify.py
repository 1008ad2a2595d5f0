"""A customer's balances and entries against the seals, and how anyone checks them."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from django.db.models import BigAutoField
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from earn.models import Customer
from earn.portal.people import for_customers
from earn.portal.wording import KIND
from ledger import balances, seals
from ledger.models import Asset, Seal
from ledger.seals import SealedText

ENTRIES = 25
LINES = 100  # of a file that are sent in one piece
WORDS = KIND | {
    "PAY": gettext_lazy("Interest paid"),
    "MATURE": gettext_lazy("Maturity"),
    "REVERSE": gettext_lazy("Correction"),
}

# Shown on the pages, to be run beside the files that the pages offer; the tests run them.
ENTRY = """\
import hashlib, json, pathlib
read = lambda name: pathlib.Path(name).read_bytes()
sha = lambda data: hashlib.sha256(data).digest()
hashes = [bytes.fromhex(x) for x in read("seal-%(seal)s-hashes.txt").decode().split()]
assert sha(read("entry-%(entry)s.json")) in hashes  # the entry is in its seal
root = sha(b"".join(n.to_bytes(4, "big") + x for n, x in enumerate(hashes, 1)))
chain = read("seals-%(seal)s-%(newest)s.txt").splitlines()
assert json.loads(chain[0])[3] == root.hex()  # the seal covers exactly these hashes
assert all(sha(a).hex() == json.loads(b)[0] for a, b in zip(chain, chain[1:]))
print(sha(chain[-1]).hex())  # the hash of seal %(newest)s
"""
BALANCES = """\
import collections, decimal, hashlib, json, pathlib
held = collections.Counter()
for line in pathlib.Path("my-entries.txt").read_bytes().splitlines():
    entry = json.loads(line, parse_float=decimal.Decimal)
    print("entry", entry[0], hashlib.sha256(line).hexdigest())
    for posting in entry[11]:
        held[posting[7], posting[4]] -= posting[2]  # debited account, asset, amount
        held[posting[13], posting[4]] += posting[2]  # credited account
for (account, asset), amount in sorted(held.items()):
    print(account, amount, asset)
"""


class Sealed(NamedTuple):
    """What an account of the customer's held when the day of the seal ended."""

    account: str
    asset: Asset
    balance: Decimal


@require_safe
@for_customers
def verify(request: HttpRequest, customer: Customer) -> HttpResponse:
    seal = seals.last_of_a_day()
    shown = {
        "seal": seal,
        "hashes": _hashes(seal) if seal else [],
        "sealed": _sealed(customer, seal) if seal else [],
        "entries": [
            (x, WORDS.get(x.kind, x.kind))
            for x in seals.newest_of(customer.uuid, limit=ENTRIES)
        ],
        "recipe": BALANCES,
    }
    return render(request, "portal/verify.html", shown)


@require_safe
@for_customers
def entry(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    """One entry of one's own, with the files and the few lines that check it."""
    found = _entry(customer, pk)
    newest = seals.newest()
    assert newest is not None  # it sealed the entry, or came after
    recipe = ENTRY % {
        "entry": found.entry_id,
        "seal": found.seal,
        "newest": newest.number,
    }
    shown = {
        "entry": found,
        "newest": newest,
        "hash": bytes(newest.hash).hex(),
        "recipe": recipe,
    }
    return render(request, "portal/entry.html", shown)


@require_safe
@for_customers
def entry_text(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:  # noqa: ARG001
    """The very bytes whose SHA-256 is the entry's hash."""
    text = _entry(customer, pk).text
    return HttpResponse(text.encode(), headers=_named(f"entry-{pk}.json"))


@require_safe
@for_customers
def entries_text(
    request: HttpRequest,  # noqa: ARG001
    customer: Customer,
) -> StreamingHttpResponse:
    """Each entry of one's own through the last day that is sealed, a line each."""
    seal = seals.last_of_a_day()
    if seal is None or seal.day is None:
        raise Http404
    found = seals.texts_of(customer.uuid, through=seal.day)
    return _file((one.text for one in found), "my-entries.txt")


@require_safe
@for_customers
def seal_hashes(
    request: HttpRequest,  # noqa: ARG001
    customer: Customer,  # noqa: ARG001
    number: int,
) -> StreamingHttpResponse:
    """The hashes of a seal's entries in order, a line each: nothing else of them."""
    if seals.numbered(number) is None:
        raise Http404
    return _file(seals.hashes_of(number), f"seal-{number}-hashes.txt")


@require_safe
@for_customers
def chain(
    request: HttpRequest,
    customer: Customer,  # noqa: ARG001
) -> StreamingHttpResponse:
    """The very text of each seal from `first` to `last`, a line each.

    Both are numbers of seals, or days for the seals that end them.
    """
    newest = seals.newest()
    if newest is None:
        raise Http404
    first = _number(request.GET.get("first", ""), otherwise=1)
    last = _number(request.GET.get("last", ""), otherwise=newest.number)
    texts = seals.chain_texts(first, last)
    return _file(texts, f"seals-{first}-{last}.txt")


def _entry(customer: Customer, pk: int) -> SealedText:
    """One's own; somebody else's is not there, and neither is one not yet sealed."""
    if pk > BigAutoField.MAX_BIGINT:
        raise Http404
    found = seals.text_of(customer.uuid, pk)
    if found is None:
        raise Http404
    return found


def _number(asked: str, *, otherwise: int) -> int:
    if not asked:
        return otherwise
    if asked.isascii() and asked.isdecimal() and len(asked) < 19:
        return int(asked)
    try:
        day = date.fromisoformat(asked)
    except ValueError as error:
        raise Http404 from error
    found = seals.of_days([day]).get(day)
    if found is None:
        raise Http404
    return found.number


def _file(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    """Sent piece by piece while it is read, however long it is."""
    return StreamingHttpResponse(_pieces(lines), headers=_named(name))


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    while piece := "".join(f"{line}\n" for line in islice(lines, LINES)):
        yield piece.encode()


def _named(name: str) -> dict[str, str]:
    return {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _hashes(seal: Seal) -> list[tuple[str, str]]:
    root = ngettext("Root over its %(n)s entry", "Root over its %(n)s entries", seal.count)
    found = [
        (_("Hash of this seal (SHA-256)"), seal.hash),
        (_("Hash of the seal before it"), seal.previous),
        (root % {"n": seal.count}, seal.root),
        (_("Digest of that day’s interest rows and new rates"), seal.attests or b""),
    ]
    return [(label, bytes(value).hex()) for label, value in found]


def _sealed(customer: Customer, seal: Seal) -> list[Sealed]:
    assert seal.day is not None  # it ends a day
    found = balances.owned_when_ended(customer.uuid, day=seal.day)
    assets = Asset.objects.in_bulk({x.asset for x in found}, field_name="code")
    rows = [Sealed(x.code, assets[x.asset], x.credits - x.debits) for x in found]
    return [row for row in rows if row.balance]
