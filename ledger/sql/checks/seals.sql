-- Entries and seals that were changed, added, taken away or never sealed.
with hashes as (
    select h.entry_id, h.hash
    from ledger_entry_hashes((select coalesce(array_agg(entry_id), '{}') from ledger_sealedentry)) h
)
select 'entry ' || s.entry_id as subject,
       case when h.entry_id is null then 'it is sealed but no longer there'
            else format('it is not what seal %%s was made of', s.seal_id) end as detail
from ledger_sealedentry s
left join hashes h using (entry_id)
where h.hash is distinct from s.hash
union all
select 'entry ' || e.id, 'it is neither sealed nor waiting for a seal'
from ledger_entry e
where not exists (select from ledger_sealedentry s where s.entry_id = e.id)
  and not exists (select from ledger_sealqueue q where q.entry_id = e.id)
union all
select 'seal ' || s.number,
       case
           when s.count <> (select count(*) from ledger_sealedentry x where x.seal_id = s.number)
               then 'its number of entries differs'
           when s.root <> ledger_seal_root(s.number) then 'its entries differ from its root'
           when s.previous is distinct from
               coalesce(p.hash, case when s.number = 1 then ledger_genesis() end)
               then 'it does not follow the seal before it'
           else 'its hash differs from its content'
       end
from ledger_seal s
left join ledger_seal p on p.number = s.number - 1
where s.count <> (select count(*) from ledger_sealedentry x where x.seal_id = s.number)
   or s.root <> ledger_seal_root(s.number)
   or s.previous is distinct from
      coalesce(p.hash, case when s.number = 1 then ledger_genesis() end)
   or s.hash <> ledger_seal_hash(s.previous, s.number, s.count, s.root, s.sealed_at, s.day,
                                  s.attests)
union all
select 'entry ' || s.entry_id, format('its seal %%s is no longer there', s.seal_id)
from ledger_sealedentry s
where not exists (select from ledger_seal x where x.number = s.seal_id)
