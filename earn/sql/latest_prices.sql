-- The last price of each asset at a moment, unless it is older than a moment before
select s.id, last.at, last.price
from ledger_asset s
cross join lateral (
    select p.at, p.price from earn_price p
    where p.asset_id = s.id and p.at between %(since)s and %(at)s
    order by p.at desc limit 1
) last
