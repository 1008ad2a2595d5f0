-- Lines of one account from a day to another after a place among them, oldest first.
select e.id as entry_id, l.line, e.key, e.kind, e.happened_at, e.recorded_at, e.note::text,
       l.debit, l.credit, counter.code as counter_account
from ledger_leg l
join ledger_entry e on e.id = l.entry_id
join ledger_account counter on counter.id = l.counter_id
where l.account_id = %(account)s and l.day between %(first)s and %(last)s
  and (%(at)s::timestamptz is null
       or (e.happened_at, e.id, l.line) > (%(at)s, %(entry)s, %(line)s))
order by l.day, e.happened_at, e.id, l.line
limit %(limit)s
