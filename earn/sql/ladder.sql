-- Each day of one asset: what is due of it, and what is left of what is liquid
select day, maturing, redeeming, paying, expected, due, back, custody_left, remaining
from earn_ladder(%(today)s, %(last)s, %(assets)s::int[], %(amounts)s::numeric[],
                 %(back)s::date[])
order by day
