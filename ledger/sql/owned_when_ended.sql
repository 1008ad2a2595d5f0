-- Debits and credits of an owner's accounts when an ended day was over.
select asset.code as asset, asset.scale, a.code, a.heading, b.debits, b.credits
from ledger_account a
join ledger_asset asset on asset.id = a.asset_id
cross join lateral (
    select debits, credits from ledger_balanceday
    where account_id = a.id and day <= %(day)s
    order by day desc limit 1
) b
where a.owner = %(owner)s
order by asset.code, a.code
