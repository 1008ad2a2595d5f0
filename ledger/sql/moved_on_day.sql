-- Debits less credits of one account on a day, up to a place among its lines and with it.
select coalesce(sum(amount), 0)
from (
    select p.amount from ledger_posting p
    where p.debit_id = %(account)s and p.day = %(day)s
      and (p.entry_id, p.line) <= (%(entry)s, %(line)s)
    union all
    select -p.amount from ledger_posting p
    where p.credit_id = %(account)s and p.day = %(day)s
      and (p.entry_id, p.line) <= (%(entry)s, %(line)s)
) x
