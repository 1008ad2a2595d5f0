-- What an owner's accounts held of each asset when each of some ended days was over.
select d.day, a.asset_id, sum(b.credits - b.debits) as balance
from unnest(%(days)s::date[]) as d (day)
join ledger_account a on a.owner = %(owner)s
cross join lateral (
    select debits, credits from ledger_balanceday
    where account_id = a.id and day <= d.day
    order by day desc limit 1
) b
group by d.day, a.asset_id
