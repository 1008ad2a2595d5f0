-- Days whose accrual rows are not those that were digested and sealed.
select format('accruals of %%s, chunk %%s', c.day, c.number) as subject,
       'the rows are not those that were accrued' as detail
from earn_dayclose d
cross join lateral earn_chunk_digests(d.day) x
join earn_closechunk c on c.day = d.day and c.number = x.number
where d.stage <> 'ACCRUE' and c.digest is distinct from x.digest
union all
select 'accruals of ' || d.day, 'its chunks, or the rates that began on it, are not those of the day'
from earn_dayclose d
where d.stage <> 'ACCRUE' and d.digest is distinct from earn_digest_root(d.day)
union all
select 'accruals of ' || d.day, 'the seal of the day covers other rows'
from earn_dayclose d
join ledger_seal s on s.day = d.day
where d.stage = 'CLOSED' and s.attests is distinct from d.digest
