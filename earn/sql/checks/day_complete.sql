-- Positions that should have been accrued on a day and were not, or the other way round.
select 'position ' || coalesce(p.id, a.position_id) as subject,
       case when p.id is null then 'was accrued on ' || %(day)s || ' without earning'
            else 'was not accrued on ' || %(day)s end as detail
from (
    select id from earn_position
    where first_day <= %(day)s and (last_day is null or last_day >= %(day)s)
) p
full join (select position_id from earn_accrual where day = %(day)s) a on a.position_id = p.id
where p.id is null or a.position_id is null
