-- Debits less credits of one account on a day, up to a place among its lines and with it.
select coalesce(sum(l.amount), 0)
from ledger_leg l
join ledger_entry e on e.id = l.entry_id
where l.account_id = %(account)s and l.day = %(day)s
  and (e.happened_at, e.id, l.line) <= (%(at)s, %(entry)s, %(line)s)
