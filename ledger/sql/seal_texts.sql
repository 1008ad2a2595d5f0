-- The very text of seals that is hashed, from one on in their order, some at a time.
select number, ledger_seal_text(previous, number, count, root, sealed_at, day, attests)
from ledger_seal
where number >= %(lowest)s and number <= %(highest)s
order by number limit %(limit)s
