-- Each day of one asset or of all: what is due of it, and what is left of what is liquid
select day, sum(maturing * rate.price) as maturing, sum(redeeming * rate.price) as redeeming,
       sum(paying * rate.price) as paying, sum(expected * rate.price) as expected,
       sum(due * rate.price) as due, sum(back * rate.price) as back,
       sum(custody_left * rate.price) as custody_left,
       sum(remaining * rate.price) as remaining
from earn_ladder(%(today)s, %(last)s, %(assets)s::int[], %(amounts)s::numeric[],
                 %(back)s::date[]) l
join unnest(%(priced)s::int[], %(prices)s::numeric[]) as rate (asset_id, price)
    using (asset_id)
group by day
order by day
