"""Looking at the books. Nothing here writes: corrections are entries of their own."""

from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ledger.look_only import LookOnly
from ledger.models import Account, Asset, BookDay, Entry, Seal
from ledger.money import plain

# The name of the page that shows an account by `asset` and `code`, for whoever has one.
ACCOUNT_PAGE = ""


def shown(code: str, asset: str) -> str:
    """A code of an account, leading to its statement."""
    if not ACCOUNT_PAGE:
        return code
    query = urlencode({"asset": asset, "code": code})
    return format_html('<a href="{}?{}">{}</a>', reverse(ACCOUNT_PAGE), query, code)


@admin.register(Asset)
class AssetAdmin(LookOnly):
    grows = False
    list_display = ("code", "name", "scale", "kind")
    list_filter = ("kind",)
    search_fields = ("code", "name")
    ordering = ("code",)


@admin.register(Account)
class AccountAdmin(LookOnly):
    list_display = ("code", "asset", "kind", "balance_now", "closed_at")
    list_filter = ("kind", "guarded")
    list_select_related = ("asset", "balance")
    search_fields = ("code__exact",)
    ordering = ("-pk",)
    fields = (
        *("code", "asset", "kind", "heading", "owner", "guarded", "closed_at"),
        *("balance_now", "held", "entries", "statement"),
    )

    @admin.display(description="balance")
    def balance_now(self, account: Account) -> str:
        """Of a guarded account; the others have no balance row."""
        if not account.guarded:
            return "summed by the day"
        return plain(account.balance.credits - account.balance.debits)

    def statement(self, account: Account) -> str:
        return shown(account.code, account.asset.code)

    def held(self, account: Account) -> str:
        return plain(account.balance.held) if account.guarded else "-"

    def entries(self, account: Account) -> str:
        return str(account.balance.version) if account.guarded else "-"


@admin.register(Entry)
class EntryAdmin(LookOnly):
    list_display = ("id", "key", "kind", "day", "happened_at", "recorded_at", "lines")
    list_filter = ("day", "adjusting")
    search_fields = ("key__exact",)
    ordering = ("-pk",)
    fields = (
        *("id", "key", "kind", "day", "happened_at", "recorded_at", "adjusting"),
        *("legs", "note", "reverses", "content", "seal"),
    )

    @admin.display(description="lines")
    def legs(self, entry: Entry) -> str:
        postings = entry.postings.select_related("asset", "debit", "credit")
        rows = (
            (
                p.line,
                shown(p.debit.code, p.asset.code),
                shown(p.credit.code, p.asset.code),
                plain(p.amount),
                p.asset.code,
            )
            for p in postings.order_by("line")
        )
        cells = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td></tr>"
        return format_html(
            "<table><thead><tr><th>line</th><th>debit</th><th>credit</th><th>amount</th>"
            "</tr></thead><tbody>{}</tbody></table>",
            format_html_join("", cells, rows),
        )

    @admin.display(description="SHA-256 of the content")
    def content(self, entry: Entry) -> str:
        return bytes(entry.digest).hex()

    @admin.display(description="sealed in")
    def seal(self, entry: Entry) -> str:
        seal = Seal.objects.filter(sealedentry__entry=entry).first()
        return str(seal.number) if seal else "not sealed yet"


@admin.register(Seal)
class SealAdmin(LookOnly):
    list_display = ("number", "day", "count", "sealed_at", "link")
    ordering = ("-pk",)
    fields = ("number", "day", "count", "sealed_at", "link", "before", "entries", "rows")

    @admin.display(description="hash")
    def link(self, seal: Seal) -> str:
        return bytes(seal.hash).hex()

    @admin.display(description="hash before")
    def before(self, seal: Seal) -> str:
        return bytes(seal.previous).hex()

    @admin.display(description="root of its entries")
    def entries(self, seal: Seal) -> str:
        return bytes(seal.root).hex()

    @admin.display(description="digest of the accruals")
    def rows(self, seal: Seal) -> str:
        return "-" if seal.attests is None else bytes(seal.attests).hex()


@admin.register(BookDay)
class BookDayAdmin(LookOnly):
    list_display = ("day", "fenced_at", "ended_at")
    ordering = ("-pk",)
