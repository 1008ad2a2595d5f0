-- Of each asset what is due by some days, and when custody, and all that comes back, is short
select asset_id,
       sum(due) filter (where day <= %(today)s::date + 1) as due_in_1,
       sum(due) filter (where day <= %(today)s::date + 7) as due_in_7,
       sum(due) filter (where day <= %(today)s::date + 30) as due_in_30,
       min(day) filter (where custody_left < 0) as custody_short_on,
       min(day) filter (where remaining < 0) as short_on,
       greatest(0, -min(remaining)) as short_by
from earn_ladder(%(today)s, %(last)s, %(assets)s::int[], %(amounts)s::numeric[],
                 %(back)s::date[])
group by asset_id
