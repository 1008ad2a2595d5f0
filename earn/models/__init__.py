"""The tables of the business: people, products, positions, orders, closes."""

from earn.models.closes import Accrual, Band, CloseChunk, DayClose
from earn.models.custody import Break, CustodyLine, CustodyStatement, Reconciliation
from earn.models.desk import AuditEvent, Operation, OperationLimit, Proposal, Verdict
from earn.models.feeds import CalendarFeed
from earn.models.notifications import (
    OPTIONAL,
    KnownDevice,
    News,
    Notification,
    NotificationPreference,
)
from earn.models.orders import Order
from earn.models.pauses import EarningPause
from earn.models.people import Customer, User
from earn.models.positions import AtMaturity, Position
from earn.models.prices import Price
from earn.models.products import (
    Product,
    ProductKind,
    QuotaShard,
    RateChart,
    RateTier,
)
from earn.models.treasury import CheckRun, Due, Outlook, Venue

__all__ = [
    "OPTIONAL",
    "Accrual",
    "AtMaturity",
    "AuditEvent",
    "Band",
    "Break",
    "CalendarFeed",
    "CheckRun",
    "CloseChunk",
    "CustodyLine",
    "CustodyStatement",
    "Customer",
    "DayClose",
    "EarningPause",
    "Due",
    "KnownDevice",
    "News",
    "Notification",
    "NotificationPreference",
    "Operation",
    "OperationLimit",
    "Order",
    "Outlook",
    "Position",
    "Price",
    "Product",
    "ProductKind",
    "Proposal",
    "QuotaShard",
    "RateChart",
    "RateTier",
    "Reconciliation",
    "User",
    "Venue",
    "Verdict",
]
