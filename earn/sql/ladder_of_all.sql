-- Each day of all assets that have a price: what is due, in that price
with rate as materialized (
    select * from unnest(%(priced)s::int[], %(prices)s::numeric[]) as x (asset_id, price)
),
known as materialized (
    select f.day, sum(f.maturing * rate.price) as maturing,
           sum(f.redeeming * rate.price) as redeeming
    from earn_known_dues(%(today)s, %(last)s) f join rate using (asset_id)
    group by f.day
),
daily as materialized (
    select sum(l.paying * rate.price) as paying, sum(l.expected * rate.price) as expected
    from earn_daily_losses() l join rate using (asset_id)
)
select %(today)s::date + n, coalesce(known.maturing, 0), coalesce(known.redeeming, 0),
       case when n > 0 then coalesce(daily.paying, 0) else 0 end,
       case when n > 0 then coalesce(daily.expected, 0) else 0 end
from generate_series(0, %(last)s::date - %(today)s::date) n
cross join daily
left join known on known.day = %(today)s::date + n
order by 1
