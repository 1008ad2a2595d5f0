-- Of each asset what is due by some days, and when custody, and all that comes back, is short
select l.asset_id,
       sum(due) filter (where day <= %(today)s::date + 1) as due_in_1,
       sum(due) filter (where day <= %(today)s::date + 7) as due_in_7,
       sum(due) filter (where day <= %(today)s::date + 30) as due_in_30,
       min(day) filter (where custody_left < 0) as custody_short_on,
       min(day) filter (where remaining < 0) as short_on,
       greatest(0, -min(remaining)) as short_by,
       min(day) filter (where remaining < free.amount) as emptied_on
from earn_ladder(%(today)s, %(last)s, %(assets)s::int[], %(amounts)s::numeric[],
                 %(back)s::date[]) l
join unnest(%(free_of)s::int[], %(free)s::numeric[]) as free (asset_id, amount)
    on free.asset_id = l.asset_id
group by l.asset_id
