-- The very text of entries that is hashed, of those that touched an owner's accounts and no
-- other owner's; written as in ledger_entry_hashes, which a test holds them equal to.
select e.id, sealed.seal_id, sealed.position, encode(sealed.hash, 'hex') as hash, json_build_array(
    e.id, e.key, encode(e.digest, 'hex'), e.kind, e.happened_at at time zone 'UTC',
    e.recorded_at at time zone 'UTC', e.day, e.adjusting, e.lines, e.note, e.reverses_id,
    (
        select json_agg(json_build_array(
            p.line, p.day, trim_scale(p.amount), p.asset_id, s.code, s.scale,
            p.debit_id, d.code, d.kind, d.heading, d.owner, d.guarded,
            p.credit_id, c.code, c.kind, c.heading, c.owner, c.guarded
        ) order by p.line)
        from ledger_posting p
        left join ledger_asset s on s.id = p.asset_id
        left join ledger_account d on d.id = p.debit_id
        left join ledger_account c on c.id = p.credit_id
        where p.entry_id = e.id
    ))::text as text
from (
    select distinct l.entry_id
    from ledger_account a
    join ledger_leg l on l.account_id = a.id
    where a.owner = %(owner)s and l.day <= %(through)s
      and (%(entry)s::bigint is null or l.entry_id = %(entry)s)
) mine
join ledger_entry e on e.id = mine.entry_id
join ledger_sealedentry sealed on sealed.entry_id = e.id
where not exists (
    select from ledger_posting p
    join ledger_account a on a.id in (p.debit_id, p.credit_id)
    where p.entry_id = e.id and a.owner <> %(owner)s
)
order by e.id
