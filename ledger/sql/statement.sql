-- Lines of one account between two days with running debits and credits, oldest first.
select e.id as entry_id, p.line, e.key, e.kind, e.happened_at, e.recorded_at, e.note,
       p.debit, p.credit, other.code as counter_account,
       sum(p.debit) over running as running_debits,
       sum(p.credit) over running as running_credits
from (
    select entry_id, line, credit_id as other_id, amount as debit, 0 as credit
    from ledger_posting
    where debit_id = %(account)s and day between %(first)s and %(last)s
    union all
    select entry_id, line, debit_id, 0, amount
    from ledger_posting
    where credit_id = %(account)s and day between %(first)s and %(last)s
) p
join ledger_entry e on e.id = p.entry_id
join ledger_account other on other.id = p.other_id
window running as (order by e.happened_at, e.id, p.line)
order by e.happened_at, e.id, p.line
