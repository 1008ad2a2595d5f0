-- By chart and term, what a basis earns in a year: base + (basis - shift) * annual_rate
with tier as (
    select chart_id, term_days, from_amount, annual_rate from earn_ratetier
    union all
    select chart_id, term_days, 0, 0 from earn_ratetier
    group by chart_id, term_days having min(from_amount) > 0
),
sliced as (
    select *, lead(from_amount) over term as next_amount,
           from_amount - lag(from_amount) over term as width,
           lag(annual_rate) over term as rate_below
    from tier
    window term as (partition by chart_id, term_days order by from_amount)
)
select s.chart_id, s.term_days, c.product_id, c.version, s.from_amount as lower,
       s.next_amount as upper, s.annual_rate,
       case when p.tier_mode = 'SLICE' then s.from_amount else 0 end as shift,
       case when p.tier_mode = 'SLICE' then coalesce(sum(s.width * s.rate_below) over (
           partition by s.chart_id, s.term_days order by s.from_amount), 0)
           else 0 end as base,
       ('1e-' || a.scale)::numeric as unit, 1603080 * ('1e-' || a.scale)::numeric as quantum
from sliced s
join earn_ratechart c on c.id = s.chart_id
join earn_product p on p.id = c.product_id
join ledger_asset a on a.id = p.asset_id
