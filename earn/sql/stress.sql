-- Of each asset what is missing tomorrow when a share of its flexible money leaves, until when
select l.asset_id, x.flexible, x.leaves,
       greatest(0, x.leaves - min(l.remaining) filter (where l.day = %(today)s::date + 1))
           as missing,
       min(l.day) filter (where l.day > %(today)s and l.remaining >= x.leaves) as back_on
from earn_ladder(%(today)s, %(last)s, %(assets)s::int[], %(amounts)s::numeric[],
                 %(back)s::date[]) l
join (
    select o.asset_id, o.flexible, trunc(o.flexible * %(share)s, s.scale) as leaves
    from earn_daily_losses() o join ledger_asset s on s.id = o.asset_id
) x using (asset_id)
group by l.asset_id, x.flexible, x.leaves
