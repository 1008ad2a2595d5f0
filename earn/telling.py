"""Telling customers: each piece of news once, in the transaction of what it tells of.

A kill anywhere undoes the act and its news together. Whatever is told again, by a close
that began anew or a message that came twice, meets the key of the first and adds nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from django.db import connection, transaction

from earn.days import ONE_DAY, start_of
from earn.models import (
    OPTIONAL,
    Customer,
    KnownDevice,
    News,
    Notification,
    NotificationPreference,
    Product,
    ProductKind,
    RateChart,
    User,
)
from earn.sql import sql

DAYS_AHEAD = {News.MATURES_IN_7_DAYS: 7, News.MATURES_IN_1_DAY: 1}


class Settled(NamedTuple):
    """A position that matured: of its money `moved` went on to the position `target`."""

    position: int
    principal: Decimal
    interest: Decimal
    moved: Decimal
    annual_rate: Decimal | None
    target: int | None


class Wish(NamedTuple):
    """Where a customer wants a kind of news."""

    in_portal: bool
    by_mail: bool


def tell_of_day(day: date, *, at: datetime) -> int:
    """As of the morning after `day`: of the terms that mature soon, and of cuts that are
    still to come whoever they reach by now: who has put money in since they were announced,
    and whose interest has grown into what is cut. How many were told.

    `at` is when they are told, which may be later than the morning: a close can be late.
    """
    return _tell_of_maturities_ahead(day + ONE_DAY) + _tell_of_cuts_ahead(day, at)


def _tell_of_maturities_ahead(morning: date) -> int:
    return sum(
        _tell(
            "matures_soon",
            told_at=start_of(morning),  # told late, it is no news any more
            kind=str(kind),
            morning=morning,
            matures_on=morning + timedelta(days=ahead),
        )
        for kind, ahead in DAYS_AHEAD.items()
    )


def _tell_of_cuts_ahead(day: date, told_at: datetime) -> int:
    """Who was told already is not told again: the key is that of the announcement."""
    morning = day + ONE_DAY
    pending = RateChart.objects.filter(
        product__kind=ProductKind.FLEXIBLE,
        announced_at__isnull=False,
        effective_on__gt=morning,
    )
    return sum(
        _tell_of_cut(
            chart,
            at=max(start_of(morning), chart.announced_at or start_of(morning)),
            told_at=told_at,
            since=day,
            through=morning,
        )
        for chart in pending.order_by("effective_on", "pk")
    )


def tell_of_maturities(settled: Sequence[Settled], *, at: datetime) -> int:
    """Of what became of each of them: paid out, renewed, or not renewed and why."""
    positions, principals, interests, moved, rates, targets = zip(*settled, strict=True)
    return _tell(
        "matured",
        told_at=at,
        positions=list(positions),
        principals=list(principals),
        interests=list(interests),
        moved=list(moved),
        annual_rates=list(rates),
        targets=list(targets),
    )


def tell_of_redemptions(orders: Iterable[int], *, at: datetime) -> int:
    """Of money that the orders have paid to wallets."""
    return _tell("redeemed", told_at=at, orders=list(orders))


def tell_of_rates(chart: RateChart, *, at: datetime) -> int:
    """Everybody whose balance earns less by the chart than before; who has a fixed term
    keeps its rate for life and is told nothing."""
    product: Product = chart.product
    if product.kind != ProductKind.FLEXIBLE:
        return 0
    return _tell_of_cut(chart, at=at, told_at=at, since=date.min, through=date.max)


def _tell_of_cut(
    chart: RateChart, *, at: datetime, told_at: datetime, since: date, through: date
) -> int:
    """Positions that changed from `since` on, or change with each day's interest, and earn
    from `through` or earlier."""
    return _tell(
        "rate_cut",
        told_at=told_at,
        product=chart.product_id,
        chart=chart.pk,
        effective_on=chart.effective_on,
        at=at,
        since=since,
        through=through,
    )


def see_device(
    user: User, *, secret: str, browser: str, system: str, ip: str, at: datetime
) -> None:
    """Remembers the device that keeps `secret`, and tells the user if it is new to them.

    Of the first one of all there is nothing to tell: it is how the account began.
    """
    digest = sha256(secret.encode()).digest()
    names = {"browser": browser, "system": system}
    with transaction.atomic():
        # two first sign-ins at once must not both be the first
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        known = KnownDevice.objects.filter(user=user)
        is_first = not known.exists()
        device, is_new = known.get_or_create(
            user=user, digest=digest, defaults={**names, "first_seen_at": at}
        )
        customer = Customer.objects.filter(user=user).first()
        if is_new and customer and not is_first:
            _tell(
                "device",
                told_at=at,
                customer=customer.pk,
                device=device.pk,
                **names,
                ip=ip,
                at=at,
            )


def mark_read(customer: Customer, *, through: int, at: datetime) -> None:
    """Everything up to a number: what was told since then has not been seen."""
    unread = Notification.objects.filter(customer=customer, in_portal=True, read_at=None)
    unread.filter(pk__lte=through).update(read_at=at)


def wishes(customer: Customer) -> dict[str, Wish]:
    """Where the customer wants each kind of news."""
    rows = NotificationPreference.objects.filter(customer=customer)
    chosen = {row.kind: Wish(row.in_portal, row.by_mail) for row in rows}
    return {
        str(kind): chosen.get(kind, Wish(in_portal=True, by_mail=True)) for kind in News
    }


def choose(customer: Customer, chosen: dict[str, Wish]) -> None:
    """Keeps the wishes for kinds that may be switched off; the others always come."""
    NotificationPreference.objects.bulk_create(
        (
            NotificationPreference(customer=customer, kind=kind, **wish._asdict())
            for kind, wish in chosen.items()
            if kind in OPTIONAL
        ),
        update_conflicts=True,
        unique_fields=["customer", "kind"],
        update_fields=["in_portal", "by_mail"],
    )


def _tell(name: str, *, told_at: datetime, **parameters: Any) -> int:
    news = sql("telling/insert").replace("/* news */", sql(f"telling/{name}"))
    with connection.cursor() as cursor:
        cursor.execute(news, parameters | {"told_at": told_at})
        return int(cursor.rowcount)
