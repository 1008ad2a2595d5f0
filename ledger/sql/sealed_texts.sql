-- The very text of sealed entries that is hashed, in the order of their numbers.
select e.entry_id, s.seal_id, s.position, encode(s.hash, 'hex') as hash, e.text
from ledger_entrytext e
join ledger_sealedentry s on s.entry_id = e.entry_id
where e.entry_id = any (%(entries)s::bigint[])
order by e.entry_id
