-- Positions whose accrual rows are not exactly one for each day that they earned on.
with horizon as (
    select max(day) as day, min(day) as first from earn_dayclose
    where stage <> 'ACCRUE'
),
expected as (
    select p.id, greatest(p.first_day, h.first) as first,
           least(coalesce(p.last_day, h.day), h.day) as last
    from earn_position p join horizon h on h.day is not null
),
found as (
    select position_id, count(*) n, min(day) first, max(day) last
    from earn_accrual group by position_id
)
select 'position ' || coalesce(e.id, f.position_id) as subject,
       format('expected %%s days from %%s to %%s, found %%s from %%s to %%s',
              greatest(e.last - e.first + 1, 0), e.first, e.last, coalesce(f.n, 0), f.first,
              f.last) as detail
from expected e
full join found f on f.position_id = e.id
where e.id is null or greatest(e.last - e.first + 1, 0) <> coalesce(f.n, 0)
   or f.first <> e.first or f.last <> e.last
