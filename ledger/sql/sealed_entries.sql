-- The newest entries that touched an owner's accounts, with their hashes and seals.
select e.id, e.kind, e.happened_at, s.seal_id, encode(s.hash, 'hex') as hash
from (
    select distinct newest.entry_id
    from ledger_account a
    cross join lateral (
        select l.entry_id from ledger_leg l
        where l.account_id = a.id
        order by l.day desc, l.entry_id desc limit %(limit)s
    ) newest
    where a.owner = %(owner)s
) mine
join ledger_entry e on e.id = mine.entry_id
left join ledger_sealedentry s on s.entry_id = e.id
order by e.id desc limit %(limit)s
