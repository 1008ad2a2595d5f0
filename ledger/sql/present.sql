-- Debits and credits of accounts by their codes, in every asset, with all that is recorded
with ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null
)
select a.asset_id, a.code, a.kind,
       coalesce(t.debits, 0) + coalesce(tail.debits, 0) as debits,
       coalesce(t.credits, 0) + coalesce(tail.credits, 0) as credits
from ledger_asset s
cross join unnest(%(codes)s::text[]) as wanted (code)
cross join ended
join ledger_account a on a.asset_id = s.id and a.code = wanted.code and not a.guarded
left join ledger_dailytotal t
    on t.day = ended.day and t.asset_id = a.asset_id and t.heading = a.code
left join lateral (
    select sum(l.debit) as debits, sum(l.credit) as credits
    from ledger_leg l where l.account_id = a.id and l.day > ended.day
) tail on true
where %(asset)s::int is null or s.id = %(asset)s
order by a.asset_id, a.code
