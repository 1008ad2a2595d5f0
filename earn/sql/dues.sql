-- Keeps what matures of each asset by morning, as it looks after the close of a day
insert into earn_due (asset_id, due_on, principal, interest, stays)
select asset_id, matures_on, sum(principal), sum(interest),
       sum(case at_maturity when 'PAY_OUT' then 0 when 'RENEW_PRINCIPAL' then principal
                            else principal + interest end)
from (
    select x.asset_id, x.matures_on, x.principal, x.at_maturity,
           greatest(0, div(
               x.owed * 1603080 + x.carry + x.rounding * 1603080 * x.unit / 2
               + (coalesce(y.base, 0)
                  + (x.balance - coalesce(y.shift, 0)) * coalesce(y.annual_rate, 0))
               * (earn_years(x.day_count, x.earns_from, x.matures_on, x.late_start)
                  - coalesce(unearned.years, 0)),
               1603080 * x.unit) * x.unit) as interest
    from (
        select product.asset_id, p.matures_on, p.principal, p.at_maturity, p.chart_id,
               p.term_days, p.late_start, product.day_count, e.owed,
               ('1e-' || asset.scale)::numeric as unit,
               case when period.began <= %(day)s then coalesce(a.carry, 0) else 0 end as carry,
               case when product.final_rounding = 'HALF_UP' then 1 else 0 end as rounding,
               p.principal + case when p.compounds then e.owed else 0 end as balance,
               greatest(period.began, %(day)s::date + 1) as earns_from, paused.days as paused
        from earn_position p
        join earn_product product on product.id = p.product_id
        join ledger_asset asset on asset.id = product.asset_id
        left join earn_accrual a on a.position_id = p.id and a.day = %(day)s
        -- of a customer, all days that earn nothing: few have any
        left join (
            select customer_id, range_agg(daterange(from_day, until_day + 1)) as days
            from earn_earningpause group by customer_id
        ) paused on paused.customer_id = p.customer_id
        -- the interest that is paid with the principal is that of the last payout's period
        cross join lateral (
            select case product.payout
                when 'DAILY' then p.matures_on - 1
                when 'MONTHLY' then greatest(
                    p.first_day, date_trunc('month', p.matures_on - 1)::date)
                else p.first_day end as began
        ) period
        cross join lateral (
            select case when period.began <= %(day)s and a.position_id is not null
                   then a.accrued + p.true_up - p.interest_settled else 0 end as owed
        ) e
        where p.state = 'OPEN' and p.matures_on is not null
    ) x
    left join earn_term_yearly() y
        on y.chart_id = x.chart_id and y.term_days = x.term_days
        and y.lower <= x.balance and (y.upper is null or x.balance < y.upper)
    left join lateral (
        select sum(earn_years(x.day_count, lower(r), upper(r), x.late_start)) as years
        from unnest(x.paused * datemultirange(daterange(
            x.earns_from, greatest(x.earns_from, x.matures_on)))) r
    ) unearned on x.paused is not null
) ended
group by asset_id, matures_on
