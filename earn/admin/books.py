"""The books to look at: accounts, their statements, and what accountants draw up."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from earn import financials
from earn.admin.asking import (
    CodeOfAsset,
    MomentForm,
    PeriodForm,
    moment_asked,
    place,
    place_text,
)
from earn.admin.proposing import CustomerField
from earn.days import end_of
from earn.desk import crumb, page, show
from earn.financials import AssetReport, Report, Trial
from earn.models import Customer
from earn.portal.filters import figure
from ledger import admin as tables
from ledger import balances, journal
from ledger.models import Account, Asset
from ledger.money import round_half_up_to_unit

SECTION = gettext_lazy("Books")
tables.ACCOUNT_PAGE = "admin:account"  # codes in the tables of the ledger lead there too
LINES = 50
FOUND = 100


class AccountForm(forms.Form):
    asset = CodeOfAsset()
    code = forms.CharField(label=gettext_lazy("Account"), required=False, max_length=300)
    customer = CustomerField(
        label=gettext_lazy("Accounts of the customer"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Reference, number or UUID"),
    )


@page("books/accounts/", name="accounts", label=gettext_lazy("Accounts"), section=SECTION)
@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The headings of an asset; an account of a customer by search alone."""
    form = AccountForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    found = _found(asked)
    if asked.get("code") and len(found) == 1:
        return redirect(address_of(found[0].code, found[0].asset.code))
    asset = asked.get("asset") or _usual_asset()
    at = datetime.now(UTC)
    trial = financials.trial(at=at, asset=asset) if asset else []
    return show(
        request,
        "desk/accounts.html",
        _("Chart of accounts"),
        status=200 if form.is_valid() else 422,
        form=form,
        asset=asset,
        trial=trial[0] if trial else None,
        found=found[:FOUND],
        is_cut=len(found) > FOUND,
        is_search=bool(asked.get("code") or asked.get("customer")),
    )


@page("books/account/", name="account")
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """One account by `asset` and `code`, with its lines from day to day."""
    form = PeriodForm(request.GET)
    code = request.GET.get("code", "")
    is_valid = form.is_valid()
    asset = form.cleaned_data.get("asset")
    if asset is None or not code or "\x00" in code:
        raise Http404
    known = {"form": form, "asset": asset, "code": code, "crumbs": [crumb("accounts")]}
    found = Account.objects.select_related("balance").filter(asset=asset, code=code).first()
    if found is None or not is_valid:
        status = 422 if found else 404
        return show(request, "desk/account.html", code, status=status, **known)
    now = datetime.now(UTC)
    known |= {"account": found, "balance": _balance(found, now)}
    known["customer"] = _owner(found)
    known |= _statement(request, form, found, now)
    return show(request, "desk/account.html", code, **known)


def _statement(
    request: HttpRequest, form: PeriodForm, of: Account, now: datetime
) -> dict[str, Any]:
    (first, last), after = form.period(now), place(request)
    before = journal.opening(of, first=first, after=after)
    lines = journal.page(
        of, first=first, last=last, limit=LINES + 1, after=after, balance=before
    )
    asked = {"asset": form.cleaned_data["asset"].code, "code": of.code}
    asked |= {"first": str(first), "last": str(last)}
    more = ""
    if len(lines) > LINES:
        more = urlencode(asked | {"after": place_text(journal.place_of(lines[LINES - 1]))})
    return {
        "first": first,
        "last": last,
        "opening": before,
        "lines": lines[:LINES],
        "more": more,
        "asked": urlencode(asked),
        "is_first": after is None,
    }


@page("books/trial/", name="trial", label=gettext_lazy("Trial balance"), section=SECTION)
@require_safe
def trial(request: HttpRequest) -> HttpResponse:
    form = MomentForm(request.GET)
    known: dict[str, Any] = {"form": form}
    if form.is_valid():
        at, asset = form.moment(datetime.now(UTC)), form.cleaned_data["asset"]
        known |= _trial(financials.trial(at=at, asset=asset), asset)
        asked = moment_asked(at)
        known |= {
            "at": at,
            "moment": urlencode(asked),
            "asked": urlencode(asked | _of(asset)),
        }
    status = 200 if form.is_valid() else 422
    return show(request, "desk/trial.html", _("Trial balance"), status=status, **known)


def _trial(found: list[Trial], asset: Asset | None) -> dict[str, Any]:
    currency = financials.currency()
    worths = [x.worth for x in found]
    rows = [
        {
            "trial": x,
            "worth": in_figures(x.worth, currency),
            "is_balanced": x.debits == x.credits,
        }
        for x in found
    ]
    return {
        "asset": asset,
        "rows": rows,
        "is_balanced": all(row["is_balanced"] for row in rows),
        "currency": currency,
        "together": in_figures(
            sum((x for x in worths if x is not None), Decimal(0)), currency
        ),
        "missing": [x.asset for x in found if x.worth is None],
    }


@page(
    "books/balance-sheet/",
    name="balance-sheet",
    label=gettext_lazy("Balance sheet"),
    section=SECTION,
)
@require_safe
def balance_sheet(request: HttpRequest) -> HttpResponse:
    form = MomentForm(request.GET)
    known: dict[str, Any] = {"form": form, "is_sheet": True}
    if form.is_valid():
        at, asset = form.moment(datetime.now(UTC)), form.cleaned_data["asset"]
        known |= _reports(financials.balance_sheets(at=at, asset=asset), asset, at)
        asked = moment_asked(at)
        known |= {"moment": urlencode(asked), "what": "balance-sheet"}
        known["asked"] = urlencode(asked | _of(asset))
    status = 200 if form.is_valid() else 422
    title = _("Balance sheet")
    return show(request, "desk/financials.html", title, status=status, **known)


@page(
    "books/income/",
    name="income-statement",
    label=gettext_lazy("Income statement"),
    section=SECTION,
)
@require_safe
def income_statement(request: HttpRequest) -> HttpResponse:
    form = PeriodForm(request.GET)
    known: dict[str, Any] = {"form": form}
    if form.is_valid():
        now, asset = datetime.now(UTC), form.cleaned_data["asset"]
        first, last = form.period(now)
        found = financials.income_statements(first=first, last=last, asset=asset)
        known |= _reports(found, asset, min(end_of(last), now))
        known |= {"first": first, "last": last, "what": "income"}
        period = {"first": str(first), "last": str(last)}
        known["asked"] = urlencode(period | _of(asset))
    status = 200 if form.is_valid() else 422
    title = _("Income statement")
    return show(request, "desk/financials.html", title, status=status, **known)


def _of(asset: Asset | None) -> dict[str, str]:
    return {"asset": asset.code} if asset else {}


def _reports(found: list[AssetReport], asset: Asset | None, at: datetime) -> dict[str, Any]:
    """The one of an asset, or all together and a line for each."""
    currency = financials.currency()
    known: dict[str, Any] = {"asset": asset, "currency": currency, "at": at}
    if asset is not None:
        return known | {"shown": _shown(found[0], asset) if found else None}
    together = financials.consolidated(found, at=at)
    return known | {
        "shown": _shown(together, currency) if found else None,
        "missing": together.missing,
        "assets": [_shown(one, one.asset) for one in found],
    }


def _shown(report: Report, asset: Asset) -> dict[str, Any]:
    """A report in figures of its asset; values of others are rounded here at last."""
    return {
        "asset": asset,
        "kinds": [
            {
                "label": Account.Kind(kind).label,
                "lines": [(x.name, in_figures(x.amount, asset)) for x in lines],
                "total": in_figures(total, asset),
            }
            for kind, lines, total in report.kinds
        ],
        "owned": in_figures(report.total(Account.Kind.ASSET), asset),
        "income": in_figures(report.total(Account.Kind.INCOME), asset),
        "expense": in_figures(report.total(Account.Kind.EXPENSE), asset),
        "claims": in_figures(report.claims, asset),
        "result": in_figures(report.result, asset),
        "is_balanced": report.is_balanced,
    }


def in_figures(amount: Decimal | None, asset: Asset) -> str:
    """All decimals of the asset; nothing for what has no price."""
    if amount is None:
        return ""
    return figure(round_half_up_to_unit(amount, scale=asset.scale), asset)


def address_of(code: str, asset: str) -> str:
    """Where an account's statement stands."""
    return f"{reverse('admin:account')}?{urlencode({'asset': asset, 'code': code})}"


def _owner(of: Account) -> Customer | None:
    return Customer.objects.filter(uuid=of.owner).first() if of.owner else None


def _balance(of: Account, now: datetime) -> Decimal:
    if of.guarded:
        return Decimal(of.balance.credits - of.balance.debits)
    return balances.balance_at(asset_id=of.asset_id, code=of.code, at=now)


def _found(asked: dict[str, Any]) -> list[Account]:
    """Of a code the accounts in each asset, of a customer all; one more than are shown."""
    known: dict[str, Any] = {}
    if asked.get("code"):
        known["code"] = asked["code"]
    if asked.get("customer"):
        known["owner"] = CustomerField.found(asked["customer"]).uuid
    if not known:
        return []
    if asked.get("asset"):
        known["asset"] = asked["asset"]
    found = Account.objects.filter(**known).select_related("asset", "balance")
    return list(found.order_by("asset__code", "pk")[: FOUND + 1])


def _usual_asset() -> Asset | None:
    """The reporting currency where it is used, else the first that is."""
    used = Asset.objects.filter(account__isnull=False)
    usual = used.filter(code=settings.REPORTING_CURRENCY).first()
    return usual or used.order_by("code").first()
