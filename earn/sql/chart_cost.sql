-- What open flexible positions earn in a year by a chart and by the one of the day before
with paused as (
    select customer_id from earn_earningpause
    where from_day <= %(effective_on)s
      and (until_day is null or until_day >= %(effective_on)s)
)
select count(*), coalesce(sum(balance), 0),
       -- who is paused when the chart begins costs nothing by either, and is told all the same
       coalesce(sum(yearly_before) filter (where not is_paused), 0),
       coalesce(sum(yearly_after) filter (where not is_paused), 0),
       count(*) filter (where yearly_after < yearly_before)
from (
    select h.balance, h.is_paused,
           old.base + (h.balance - old.shift) * old.annual_rate as yearly_before,
           new.base + (h.balance - new.shift) * new.annual_rate as yearly_after
    from (
        select p.principal + case when p.compounds
                   then coalesce(a.accrued, 0) + p.true_up - p.interest_settled
                   else 0 end as balance,
               p.customer_id in (select customer_id from paused) as is_paused
        from earn_position p
        left join earn_accrual a on a.position_id = p.id
            and a.day = (select max(day) from earn_dayclose where stage <> 'ACCRUE')
        where p.product_id = %(product)s and p.state = 'OPEN' and p.term_days is null
    ) h
    left join earn_yearly(earn_chart_on(%(product)s, %(effective_on)s::date - 1)) old
        on old.lower <= h.balance and (old.upper is null or h.balance < old.upper)
    join earn_yearly(%(chart)s) new
        on new.lower <= h.balance and (new.upper is null or h.balance < new.upper)
) earning
