-- Sealed entries that touched an owner's accounts and no other owner's, by number.
select mine.entry_id
from (
    select distinct l.entry_id
    from ledger_account a
    join ledger_leg l on l.account_id = a.id
    where a.owner = %(owner)s and l.day <= %(through)s
      and (%(entry)s::bigint is null or l.entry_id = %(entry)s)
) mine
join ledger_sealedentry sealed on sealed.entry_id = mine.entry_id
where not exists (
    select from ledger_posting p
    join ledger_account a on a.id in (p.debit_id, p.credit_id)
    where p.entry_id = mine.entry_id and a.owner <> %(owner)s
)
order by mine.entry_id
