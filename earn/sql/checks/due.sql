-- What was due by the morning after a closed day and has not been settled.
select 'position ' || id as subject, format('matured on %%s', matures_on) as detail
from earn_position
where state = 'OPEN' and matures_on <= %(day)s::date + 1
union all
select 'position ' || id, format('is owed interest through %%s', last_day)
from earn_position
where interest_due and last_day <= %(day)s
union all
select 'order ' || id, format('was to be paid on %%s', due_on)
from earn_order
where state = 'PENDING' and due_on <= %(day)s::date + 1
