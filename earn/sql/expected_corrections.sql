-- How the bases of a customer's open positions on some days differ from what they hold now.
select p.id, d.day, c.correction
from earn_position p
cross join unnest(%(days)s::date[]) as d (day)
cross join lateral earn_corrections(d.day, p.id, p.id) as c
where p.customer_id = %(customer)s and p.state = 'OPEN' and p.touched_on >= d.day
