-- A day's accruals by product, beside what the charts give on the same bases
with band as (/* bands */),
priced as (
    select b.product_id, b.version, n.basis, n.days, n.interest,
           div(coalesce(y.carry, 0) + (b.base + (n.basis - b.shift) * b.annual_rate)
               * n.days * (1603080 / n.year_basis), b.quantum) * b.unit as expected
    from earn_accrual n
    join earn_position p on p.id = n.position_id
    left join earn_accrual y on y.position_id = n.position_id
        and y.day = %(day)s::date - 1
    join band b on b.chart_id = n.chart_id and b.term_days is not distinct from p.term_days
        and b.lower <= n.basis and (b.upper is null or n.basis < b.upper)
    where n.day = %(day)s::date
)
select product_id, count(*), sum(basis), sum(interest), sum(expected), min(version),
       max(version), min(days), max(days)
from priced
group by product_id
