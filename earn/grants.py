"""Rights of the application's role on everything that is not the books."""

from typing import Any

from ledger.grants import grant_tables

_READ = "select"
_KEEP = "select, insert, update"
_ADD = "select, insert"
_EXCEPTIONS = {
    # written by the close's functions alone
    "earn_accrual": _READ,
    "earn_band": _READ,
    "earn_closechunk": _READ,
    "earn_dayclose": "select, update",
    # history: nothing is ever deleted
    "earn_customer": _KEEP,
    "earn_earningpause": _KEEP,
    "earn_product": _KEEP,
    "earn_position": _KEEP,
    "earn_order": _KEEP,
    "earn_notification": _KEEP,
    "earn_notificationpreference": _KEEP,
    "earn_knowndevice": _KEEP,
    "earn_price": "select, insert",
    "earn_proposal": _KEEP,
    "earn_operationlimit": _KEEP,
    "earn_venue": _KEEP,
    "earn_break": _KEEP,
    # only ever added to
    "earn_verdict": _ADD,
    "earn_auditevent": _ADD,
    "earn_outlook": _ADD,
    "earn_checkrun": _ADD,
    "earn_custodystatement": _ADD,
    "earn_custodyline": _ADD,
    "earn_reconciliation": _ADD,
}


def grant(*, using: str, **_: Any) -> None:
    full = "select, insert, update, delete"
    grant_tables(using=using, prefix="earn_", rights=full, exceptions=_EXCEPTIONS)
    for prefix in ("account_", "auth_", "django_", "mfa_", "usersessions_"):
        grant_tables(using=using, prefix=prefix, rights=full)
