-- Products and days where the interest posted differs from the interest accrued.
with accrued as (
    select 'accrual:' || a.day || ':' || p.code as key, sum(a.interest) as amount
    from earn_accrual a
    join earn_ratechart c on c.id = a.chart_id
    join earn_product p on p.id = c.product_id
    join earn_dayclose d on d.day = a.day and d.stage not in ('ACCRUE', 'POST')
    group by 1
    having sum(a.interest) > 0
),
posted as (
    select e.key, sum(p.amount) as amount
    from ledger_entry e join ledger_posting p on p.entry_id = e.id
    where e.kind = 'ACCRUE'
    group by 1
)
select key as subject,
       format('accrued %%s, posted %%s', coalesce(a.amount, 0), coalesce(p.amount, 0)) as detail
from accrued a full join posted p using (key)
where a.amount is distinct from p.amount
