-- Accrual rows that do not follow from the row before, their basis and the rates in force.
with tier as (
    select t.chart_id, t.term_days, t.from_amount, t.annual_rate,
           lead(t.from_amount) over (
               partition by t.chart_id, t.term_days order by t.from_amount) as next_amount
    from earn_ratetier t
),
-- a chart decides for all its days at once: looked up once per product and day
in_force as (
    select p.id as product_id, d.day, earn_chart_on(p.id, d.day) as chart_id
    from earn_product p cross join earn_dayclose d
    where p.kind = 'FLEXIBLE'
),
step as (
    select a.position_id, a.day, a.chart_id, a.days, a.year_basis, a.basis, a.interest,
           a.accrued, a.carry, p.product_id, p.term_days, p.chart_id as own_chart,
           p.late_start, product.tier_mode, product.day_count,
           1603080 * ('1e-' || s.scale)::numeric as quantum, ('1e-' || s.scale)::numeric as unit,
           coalesce(lag(a.accrued) over w, 0) as accrued_before,
           coalesce(lag(a.carry) over w, 0) as carry_before
    from earn_accrual a
    join earn_position p on p.id = a.position_id
    join earn_product product on product.id = p.product_id
    join ledger_asset s on s.id = product.asset_id
    window w as (partition by a.position_id order by a.day)
),
priced as (
    select s.*,
           s.carry_before + r.annual * s.days * (1603080 / s.year_basis) as exact
    from step s
    cross join lateral (
        select coalesce(sum(
            case when s.tier_mode = 'SLICE'
                 then (least(s.basis, coalesce(t.next_amount, s.basis)) - t.from_amount)
                      * t.annual_rate
                 when t.next_amount is null or s.basis < t.next_amount
                 then s.basis * t.annual_rate
                 else 0 end), 0) as annual
        from tier t
        where t.chart_id = s.chart_id and t.term_days is not distinct from s.term_days
          and t.from_amount < s.basis + case when s.tier_mode = 'WHOLE' then 1e-18 else 0 end
    ) r
)
select format('position %%s on %%s', p.position_id, p.day) as subject,
       case
           when p.chart_id is distinct from coalesce(p.own_chart, f.chart_id)
               then 'was accrued by another rate chart than the one in force'
           when p.days <> earn_days(p.day_count, p.day, p.late_start)
             or p.year_basis <> earn_year_basis(p.day_count, p.day)
               then 'its days are not those of the day count'
           else format('interest %%s accrued %%s carry %%s, the rule gives %%s, %%s, %%s',
                       p.interest, p.accrued, p.carry, div(p.exact, p.quantum) * p.unit,
                       p.accrued_before + div(p.exact, p.quantum) * p.unit,
                       mod(p.exact, p.quantum))
       end as detail
from priced p
left join in_force f on f.product_id = p.product_id and f.day = p.day
where p.chart_id is distinct from coalesce(p.own_chart, f.chart_id)
   or p.days <> earn_days(p.day_count, p.day, p.late_start)
   or p.year_basis <> earn_year_basis(p.day_count, p.day)
   or p.interest <> div(p.exact, p.quantum) * p.unit
   or p.carry <> mod(p.exact, p.quantum)
   or p.accrued <> p.accrued_before + p.interest
