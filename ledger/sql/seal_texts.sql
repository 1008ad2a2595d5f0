-- The very text of seals that is hashed, in their order; as in ledger_seal_hash.
select json_build_array(
    encode(previous, 'hex'), number, count, encode(root, 'hex'),
    sealed_at at time zone 'UTC', day, encode(attests, 'hex'))::text
from ledger_seal
where number between %(lowest)s and %(highest)s
order by number
