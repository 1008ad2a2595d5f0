"""SQL of the business as files; see `ledger.sql`."""

from pathlib import Path

from ledger import sql as ledger_sql

_HERE = Path(__file__).parent


def sql(name: str) -> str:
    """The text of `<name>.sql`."""
    return ledger_sql.sql(name, folder=_HERE)
