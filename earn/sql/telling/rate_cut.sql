-- Open flexible positions that earn less by a chart than by the one in force before it.
select h.customer_id, 'RATE_CUT' as kind, 'RATE_CUT:' || %(chart)s as key,
       %(at)s::timestamptz as at,
       jsonb_build_object(
           'balance', trim_scale(h.balance)::text,
           'old_chart', old.chart_id::text,
           'new_chart', new.chart_id::text,
           'effective_on', %(effective_on)s::date) as figures,
       %(product)s::bigint as product_id, h.id as position_id, null::bigint as order_id
from (
    select p.id, p.customer_id,
           p.principal + case when p.compounds
               then coalesce(a.accrued, 0) + p.true_up - p.interest_settled
               else 0 end as balance
    from earn_position p
    left join earn_accrual a on a.position_id = p.id
        and a.day = (select max(day) from earn_dayclose where stage <> 'ACCRUE')
    where p.product_id = %(product)s and p.state = 'OPEN' and p.term_days is null
      -- interest may lift into a slice that falls what nobody has touched
      and (p.touched_on >= %(since)s or p.compounds) and p.first_day <= %(through)s
) h
join earn_yearly(earn_chart_on(%(product)s, %(effective_on)s::date - 1)) old
    on old.lower <= h.balance and (old.upper is null or h.balance < old.upper)
join earn_yearly(%(chart)s) new
    on new.lower <= h.balance and (new.upper is null or h.balance < new.upper)
where new.base + (h.balance - new.shift) * new.annual_rate
    < old.base + (h.balance - old.shift) * old.annual_rate
  -- a chart that a later one has replaced costs nobody anything
  and earn_chart_on(%(product)s, %(effective_on)s) = %(chart)s
