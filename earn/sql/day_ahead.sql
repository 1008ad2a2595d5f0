-- What the close of the next day would accrue by product, as things stand now
with band as (/* bands */),
paused as (
    select customer_id from earn_earningpause
    where from_day <= %(day)s and (until_day is null or until_day >= %(day)s)
),
earning as (
    select p.id, p.product_id, p.term_days, p.late_start,
           coalesce(p.chart_id, earn_chart_on(p.product_id, %(day)s::date)) as chart_id,
           coalesce(y.carry, 0) as carry,
           case when p.customer_id in (select customer_id from paused) then 0
                else p.principal + coalesce(c.correction, 0)
                     + case when p.compounds then coalesce(y.accrued, 0) - p.interest_settled
                            else 0 end
           end as basis
    from earn_position p
    left join earn_corrections(%(day)s::date, 0, 9223372036854775807) c
        on c.position_id = p.id
    left join earn_accrual y on y.position_id = p.id and y.day = %(day)s::date - 1
    where p.first_day <= %(day)s::date
      and (p.last_day is null or p.last_day >= %(day)s::date)
),
priced as (
    select e.product_id, e.basis,
           div(e.carry + (b.base + (e.basis - b.shift) * b.annual_rate)
               * earn_days(product.day_count, %(day)s::date, e.late_start)
               * (1603080 / earn_year_basis(product.day_count, %(day)s::date)),
               b.quantum) * b.unit as interest
    from earning e
    join earn_product product on product.id = e.product_id
    join band b on b.chart_id = e.chart_id and b.term_days is not distinct from e.term_days
        and b.lower <= e.basis and (b.upper is null or e.basis < b.upper)
)
select product_id, count(*), sum(basis), sum(interest)
from priced
group by product_id
