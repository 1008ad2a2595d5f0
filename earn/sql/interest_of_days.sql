-- Interest that the closes of days have posted, by day, product and asset
select d.day, substr(e.key, 20) as product, a.code as asset, sum(p.amount)
from unnest(%(days)s::date[]) as d (day)
join ledger_entry e on e.key ~>=~ ('accrual:' || to_char(d.day, 'YYYY-MM-DD') || ':')
    and e.key ~<~ ('accrual:' || to_char(d.day, 'YYYY-MM-DD') || ';')
join ledger_posting p on p.entry_id = e.id
join ledger_asset a on a.id = p.asset_id
group by d.day, e.key, a.code
order by d.day, e.key
