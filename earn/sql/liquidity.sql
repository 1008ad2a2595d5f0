-- What is going to leave: terms that end, redemptions, interest; and what stands against it.

-- A day as a moment of years by ACT/ACT, times 1603080.
create function earn_year_point(p_day date) returns bigint
language sql immutable as $$
    select extract(year from p_day)::bigint * 1603080
        + (extract(doy from p_day)::bigint - 1)
        * (1603080 / earn_year_basis('ACT/ACT', p_day))
$$;

-- Years from a day to another (not included) by a day-count convention, times 1603080: exact,
-- and the parts of a span add up to the whole.
create function earn_years(p_day_count text, p_from date, p_to date, p_late_start boolean)
returns bigint language sql immutable as $$
    select case
        when p_to <= p_from then 0
        when p_day_count = 'ACT/365F' then (p_to - p_from) * 4392::bigint
        when p_day_count = 'ACT/360' then (p_to - p_from) * 4453::bigint
        when p_day_count = 'ACT/ACT' then earn_year_point(p_to) - earn_year_point(p_from)
        else (earn_day_360(p_to, p_day_count = '30E/360' or p_late_start)
            - earn_day_360(p_from, p_day_count = '30E/360' or p_late_start)) * 4453::bigint
    end
$$;

-- What a balance earns in a year by the terms of every fixed chart: in its band it is
-- base + (balance - shift) * annual_rate.
create function earn_term_yearly()
returns table (chart_id bigint, term_days int, lower numeric, upper numeric, shift numeric,
               base numeric, annual_rate numeric)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    with tier as (
        select t.chart_id, t.term_days, t.from_amount, t.annual_rate
        from earn_ratetier t where t.term_days is not null
        union all
        select t.chart_id, t.term_days, 0, 0
        from earn_ratetier t where t.term_days is not null
        group by t.chart_id, t.term_days having min(t.from_amount) > 0
    ),
    sliced as (
        select *, lead(from_amount) over term as next_amount,
               from_amount - lag(from_amount) over term as width,
               lag(annual_rate) over term as rate_below
        from tier
        window term as (partition by chart_id, term_days order by from_amount)
    ),
    summed as (
        select *, coalesce(sum(width * rate_below) over (
            partition by chart_id, term_days order by from_amount), 0) as interest_below
        from sliced
    )
    select s.chart_id, s.term_days, s.from_amount, s.next_amount,
           case when p.tier_mode = 'SLICE' then s.from_amount else 0 end,
           case when p.tier_mode = 'SLICE' then s.interest_below else 0 end,
           s.annual_rate
    from summed s
    join earn_ratechart c on c.id = s.chart_id
    join earn_product p on p.id = c.product_id
$$;

-- The outlook after the last closed day, with the share of flexible money that left on a day
-- in the mean of the last 28 days that had any.
create function earn_leaving()
returns table (asset_id int, day date, flexible numeric, paid_interest numeric, rate numeric)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    with last as (select max(day) as day from earn_outlook)
    select o.asset_id, o.day, o.flexible, o.paid_interest, coalesce(mean.rate, 0)
    from last
    join earn_outlook o on o.day = last.day
    join (
        select x.asset_id, avg(x.redeemed / nullif(x.flexible + x.redeemed, 0)) as rate
        from earn_outlook x, last
        where x.day > last.day - 28
        group by x.asset_id
    ) mean on mean.asset_id = o.asset_id
$$;

-- What is known to be due of each asset by day: terms that end, and redemptions that wait.
-- What should have been paid before is due today.
create function earn_known_dues(p_today date, p_last date)
returns table (asset_id int, day date, maturing numeric, redeeming numeric)
language sql stable set search_path = pg_catalog, public, pg_temp
set jit = off set work_mem = '32MB' as $$
    select f.asset_id, f.day, sum(f.maturing), sum(f.redeeming)
    from (
        select d.asset_id, greatest(d.due_on, p_today) as day,
               d.principal + d.interest - d.stays as maturing, 0::numeric as redeeming
        from earn_due d where d.due_on <= p_last
        union all
        select p.asset_id, greatest(o.due_on, p_today), 0, o.amount
        from earn_order o join earn_product p on p.id = o.product_id
        where o.state = 'PENDING' and o.due_on <= p_last
    ) f
    group by f.asset_id, f.day
$$;

-- What each asset is expected to lose on a day: interest paid out, and flexible money that
-- leaves as it did.
create function earn_daily_losses()
returns table (asset_id int, flexible numeric, paying numeric, expected numeric)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select x.asset_id, x.flexible, x.paid_interest, trunc(x.flexible * x.rate, s.scale)
    from earn_leaving() x join ledger_asset s on s.id = x.asset_id
$$;

-- Each day of each asset from today on: what is due, and what is left when all until then is
-- paid, of custody alone and with what venues give back. Amounts with a null day back are in
-- custody. What is expected is expected from tomorrow on.
create function earn_ladder(
    p_today date, p_last date, p_assets int[], p_amounts numeric[], p_back date[]
) returns table (
    asset_id int, day date, maturing numeric, redeeming numeric, paying numeric,
    expected numeric, due numeric, back numeric, custody_left numeric, remaining numeric
) language sql stable set search_path = pg_catalog, public, pg_temp
-- sums of some hundred thousand rows stay in memory; compiling would take longer than they
set jit = off set work_mem = '32MB' as $$
    with stock as materialized (
        select * from unnest(p_assets, p_amounts, p_back) as x (asset_id, amount, back_on)
    ),
    custody as materialized (
        select s.asset_id, coalesce(sum(s.amount) filter (where s.back_on is null), 0) as amount,
               coalesce(max(l.paying), 0) as paying, coalesce(max(l.expected), 0) as expected
        from stock s left join earn_daily_losses() l on l.asset_id = s.asset_id
        group by s.asset_id
    ),
    given as materialized (
        select s.asset_id, greatest(s.back_on, p_today) as day, sum(s.amount) as amount
        from stock s where s.back_on is not null group by 1, 2
    ),
    line as (
        select c.asset_id, p_today + n as day, c.amount as custody,
               coalesce(f.maturing, 0) as maturing, coalesce(f.redeeming, 0) as redeeming,
               case when n > 0 then c.paying else 0 end as paying,
               case when n > 0 then c.expected else 0 end as expected,
               coalesce(g.amount, 0) as back
        from custody c
        cross join generate_series(0, p_last - p_today) n
        left join earn_known_dues(p_today, p_last) f
            on f.asset_id = c.asset_id and f.day = p_today + n
        left join given g on g.asset_id = c.asset_id and g.day = p_today + n
    ),
    summed as (
        select *, sum(maturing + redeeming + paying + expected) over so_far as due_so_far,
               sum(line.back) over so_far as back_so_far
        from line
        window so_far as (
            partition by line.asset_id order by line.day rows unbounded preceding)
    )
    select s.asset_id, s.day, s.maturing, s.redeeming, s.paying, s.expected,
           s.maturing + s.redeeming + s.paying + s.expected, s.back,
           s.custody - s.due_so_far, s.custody + s.back_so_far - s.due_so_far
    from summed s
$$;
