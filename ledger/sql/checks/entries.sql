-- Entries without all their lines, and lines that break a rule of the journal.
select 'entry ' || e.id as subject, format('says %%s lines, has %%s', e.lines, count(p.line)) as detail
from ledger_entry e
left join ledger_posting p on p.entry_id = e.id
group by e.id
having e.lines <> count(p.line) or e.lines < 1
union all
select format('entry %%s line %%s', p.entry_id, p.line),
       case
           when e.id is null then 'there is no such entry'
           when p.day <> e.day or e.day <> (e.happened_at at time zone 'UTC')::date
               then 'its day is not that of the entry'
           when d.asset_id <> p.asset_id or c.asset_id <> p.asset_id
               then 'its accounts are of another asset'
           when p.debit_id = p.credit_id or p.amount <= 0 then 'it moves nothing'
           else 'its amount is not a multiple of the unit'
       end
from ledger_posting p
left join ledger_entry e on e.id = p.entry_id
left join ledger_account d on d.id = p.debit_id
left join ledger_account c on c.id = p.credit_id
left join ledger_asset s on s.id = p.asset_id
where e.id is null or d.id is null or c.id is null or s.id is null
   or p.day <> e.day or e.day <> (e.happened_at at time zone 'UTC')::date
   or d.asset_id <> p.asset_id or c.asset_id <> p.asset_id
   or p.debit_id = p.credit_id or p.amount <= 0
   or scale(trim_scale(p.amount)) > s.scale
