-- Lines of one account from a day to another after a place among them, oldest day first.
-- Each side walks its index no further than the limit: the view of legs would be sorted whole.
select e.id as entry_id, x.line, e.key, e.kind, e.happened_at, e.recorded_at, e.note::text,
       x.debit, x.credit, counter.code as counter_account
from (
    (select p.day, p.entry_id, p.line, p.amount as debit, 0::numeric as credit,
            p.credit_id as counter_id
     from ledger_posting p
     where p.debit_id = %(account)s and p.day between %(first)s and %(last)s
       and (p.day, p.entry_id, p.line) > (%(day)s, %(entry)s, %(line)s)
     order by p.day, p.entry_id, p.line
     limit %(limit)s)
    union all
    (select p.day, p.entry_id, p.line, 0, p.amount, p.debit_id
     from ledger_posting p
     where p.credit_id = %(account)s and p.day between %(first)s and %(last)s
       and (p.day, p.entry_id, p.line) > (%(day)s, %(entry)s, %(line)s)
     order by p.day, p.entry_id, p.line
     limit %(limit)s)
) x
join ledger_entry e on e.id = x.entry_id
join ledger_account counter on counter.id = x.counter_id
order by x.day, x.entry_id, x.line
limit %(limit)s
