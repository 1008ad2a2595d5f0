-- Lines of one account between two days with running debits and credits, oldest first.
select e.id as entry_id, l.line, e.key, e.kind, e.happened_at, e.recorded_at, e.note,
       l.debit, l.credit, counter.code as counter_account,
       sum(l.debit) over running as running_debits,
       sum(l.credit) over running as running_credits
from ledger_leg l
join ledger_entry e on e.id = l.entry_id
join ledger_account counter on counter.id = l.counter_id
where l.account_id = %(account)s and l.day between %(first)s and %(last)s
window running as (order by e.happened_at, e.id, l.line)
order by e.happened_at, e.id, l.line
