-- What a balance earns in a year by a flexible chart, ready to multiply: in its band it is
-- base + (balance - shift) * annual_rate.
create function earn_yearly(p_chart bigint)
returns table (chart_id bigint, lower numeric, upper numeric, shift numeric, base numeric,
               annual_rate numeric)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    with tier as (
        select from_amount, annual_rate from earn_ratetier
        where chart_id = p_chart and term_days is null
        union all
        select 0, 0
        where not exists (
            select from earn_ratetier
            where chart_id = p_chart and term_days is null and from_amount = 0
        )
    ),
    sliced as (
        select *, lead(from_amount) over up as next_amount,
               from_amount - lag(from_amount) over up as width,
               lag(annual_rate) over up as rate_below
        from tier window up as (order by from_amount)
    )
    select p_chart, s.from_amount, s.next_amount,
           case when p.tier_mode = 'SLICE' then s.from_amount else 0 end,
           case when p.tier_mode = 'SLICE' then coalesce(
               sum(s.width * s.rate_below) over (order by s.from_amount), 0) else 0 end,
           s.annual_rate
    from sliced s
    cross join earn_ratechart c join earn_product p on p.id = c.product_id
    where c.id = p_chart
$$;
