-- Interest that the closes of days have posted, by day, product and asset
select d.day, p.code as product, a.code as asset, sum(l.amount)
from unnest(%(days)s::date[]) as d (day)
cross join earn_product p
join ledger_entry e on e.key = 'accrual:' || to_char(d.day, 'YYYY-MM-DD') || ':' || p.code
join ledger_posting l on l.entry_id = e.id
join ledger_asset a on a.id = l.asset_id
group by d.day, p.code, a.code
order by d.day, p.code
