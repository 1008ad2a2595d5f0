-- The set-based stages of the daily close.

-- Days close one after another, each once; a stage is never gone back to.
create function earn_dayclose_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    stages text[] := array['ACCRUE', 'POST', 'PAY', 'MATURE', 'SEAL', 'CLOSED'];
begin
    if tg_op = 'INSERT' then
        if exists (select from earn_dayclose where stage <> 'CLOSED') or new.day <> coalesce(
            (select max(day) + 1 from earn_dayclose), (select min(day) from ledger_entry)
        ) then
            perform ledger_refuse('days_close_in_order',
                format('%s cannot be closed before every earlier day', new.day));
        end if;
        return new;
    end if;
    if new.day <> old.day or old.stage = 'CLOSED'
       or array_position(stages, new.stage) < array_position(stages, old.stage) then
        perform ledger_refuse('stages_only_advance', 'a stage of the close is done once');
    end if;
    if old.stage = 'ACCRUE' and new.stage <> 'ACCRUE' then
        if (new.digest = earn_digest_root(new.day)) is not true then
            perform ledger_refuse('accruals_come_first',
                'a day goes on when the rows of all its chunks are attached');
        end if;
    elsif new.digest is distinct from old.digest then
        perform ledger_refuse('digests_are_written_once', 'the accruals of a day are final');
    end if;
    if new.stage = 'CLOSED' and not exists (
        select from ledger_seal where day = new.day and attests = new.digest
    ) then
        perform ledger_refuse('closed_days_are_sealed', 'a day is closed by its seal');
    end if;
    return new;
end $$;

create trigger dayclose_written before insert or update on earn_dayclose
    for each row execute function earn_dayclose_written();
create trigger append_only before delete on earn_dayclose
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_dayclose
    for each statement execute function ledger_append_only();

create function earn_partition(p_day date) returns text
language sql immutable as $$ select 'earn_accrual_' || to_char(p_day, 'YYYYMMDD') $$;

create function earn_day_360(p_day date, p_capped boolean) returns int
language sql immutable as $$
    select 360 * extract(year from p_day)::int + 30 * extract(month from p_day)::int
        + case when p_capped then least(30, extract(day from p_day)::int)
               else extract(day from p_day)::int end
$$;

-- Days that one calendar day counts by a day-count convention. 30/360 is counted by
-- difference from the first day, where only "began on the 30th or 31st" matters.
create function earn_days(p_day_count text, p_day date, p_late_start boolean) returns smallint
language sql immutable as $$
    select case
        when p_day_count in ('ACT/365F', 'ACT/360', 'ACT/ACT') then 1
        else earn_day_360(p_day + 1, p_day_count = '30E/360' or p_late_start)
           - earn_day_360(p_day, p_day_count = '30E/360' or p_late_start)
    end::smallint
$$;

create function earn_year_basis(p_day_count text, p_day date) returns smallint
language sql immutable as $$
    select case
        when p_day_count = 'ACT/365F' then 365
        when p_day_count <> 'ACT/ACT' then 360
        else make_date(extract(year from p_day)::int + 1, 1, 1)
           - make_date(extract(year from p_day)::int, 1, 1)
    end::smallint
$$;

-- The tiers in force on a day, multiplied out: interest * 1603080 of a basis in a band is
-- base + (basis - shift) * rate.
create function earn_fill_bands(p_day date) returns void
language sql set search_path = pg_catalog, public, pg_temp as $$
    with chart as (
        select p.id as product_id, earn_chart_on(p.id, p_day) as chart_id
        from earn_product p where p.kind = 'FLEXIBLE'
        union all
        select p.id, c.id
        from earn_product p join earn_ratechart c on c.product_id = p.id
        where p.kind = 'FIXED' and c.announced_at is not null
    ),
    tier as (
        select t.chart_id, t.term_days, t.from_amount, t.annual_rate from earn_ratetier t
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
    ),
    summed as (
        select *, coalesce(sum(width * rate_below) over (
            partition by chart_id, term_days order by from_amount), 0) as interest_below
        from sliced
    ),
    factor as (
        select p.id as product_id, late.late_start,
               earn_days(p.day_count, p_day, late.late_start) as days,
               earn_year_basis(p.day_count, p_day) as year_basis
        from earn_product p
        join (values (null::boolean), (true), (false)) as late (late_start)
            on (p.day_count = '30/360') = (late.late_start is not null)
    )
    insert into earn_band (day, key, late_start, lower, upper, shift, base, rate, days,
                           year_basis, chart_id, unit, quantum)
    select p_day,
           case when p.kind = 'FIXED' then s.chart_id * 100000 + s.term_days else -p.id end,
           f.late_start, s.from_amount, s.next_amount,
           case when p.tier_mode = 'SLICE' then s.from_amount else 0 end,
           case when p.tier_mode = 'SLICE' then s.interest_below else 0 end
               * f.days * (1603080 / f.year_basis),
           s.annual_rate * f.days * (1603080 / f.year_basis),
           f.days, f.year_basis, s.chart_id,
           ('1e-' || a.scale)::numeric, 1603080 * ('1e-' || a.scale)::numeric
    from chart c
    join summed s using (chart_id)
    join earn_product p on p.id = c.product_id
    join ledger_asset a on a.id = p.asset_id
    join factor f on f.product_id = p.id
$$;

-- Begins the close of a day: fence, bands, the day's stand-alone table, chunks of ids.
-- Returns the stage that the day is in, also when another driver has begun it.
create function earn_open_day(p_day date, p_at timestamptz, p_chunk int) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    begun text;
begin
    if p_chunk < 1 then
        perform ledger_refuse('chunks_have_positions', 'a chunk is of one position or more');
    end if;
    perform pg_advisory_xact_lock(7303, 0);
    select stage into begun from earn_dayclose where day = p_day;
    if found then
        return begun;
    end if;
    perform ledger_fence_day(p_day);
    insert into earn_dayclose (day, stage, cursor, step, opened_at, positions, paid, matured,
                               problem)
    values (p_day, 'ACCRUE', 0, 0, p_at, 0, 0, 0, '');
    delete from earn_band;
    perform earn_fill_bands(p_day);
    execute format(
        'create table public.%I (like earn_accrual including storage, constraint %I check (day = %L))',
        earn_partition(p_day), earn_partition(p_day) || '_day', p_day);
    insert into earn_closechunk (day, number, first_id, last_id)
    select p_day, n, n * p_chunk + 1, (n + 1) * p_chunk
    from generate_series(0, (select coalesce(max(id), 0) from earn_position) / p_chunk) n;
    return 'ACCRUE';
end $$;

-- What positions touched on or after a day must be corrected by to give its basis: less all
-- that moved since, plus the lowest point of the day. Interest that compounds is part of
-- the balance, so what orders settled of it counts as movement.
create function earn_corrections(p_day date, p_first bigint, p_last bigint)
returns table (position_id bigint, correction numeric)
language sql stable set search_path = pg_catalog, public, pg_temp
set enable_nestloop = on as $$
    with touched as materialized (
        select p.id, p.compounds, a.id as account_id
        from earn_position p
        join earn_product product on product.id = p.product_id
        join ledger_account a on a.asset_id = product.asset_id
            and a.code = 'position:' || p.id || ':principal'
        where p.id between p_first and p_last and p.touched_on >= p_day
          and p.first_day <= p_day and (p.last_day is null or p.last_day >= p_day)
    ),
    leg as (
        select t.id, x.*
        from touched t
        cross join lateral (
            select entry_id, day, -amount as amount from ledger_leg
            where account_id = t.account_id and day >= p_day
            union all
            select o.entry_id, e.day, -o.interest_settled
            from earn_order o join ledger_entry e on e.id = o.entry_id
            where t.compounds and o.position_id = t.id and o.interest_settled <> 0
              and e.day >= p_day
        ) x
    ),
    movement as (
        select l.id, l.day, e.happened_at, e.id as entry_id, sum(l.amount) as moved
        from leg l
        join ledger_entry e on e.id = l.entry_id
        -- what the close itself moved at 00:00 is part of the opening balance
        where not (l.day = p_day and e.kind = 'MATURE')
        group by l.id, l.day, e.happened_at, e.id
    ),
    running as (
        select id, moved, day,
               sum(moved) over (partition by id order by happened_at, entry_id) as so_far
        from movement
    )
    select t.id,
           coalesce(least(0, min(r.so_far) filter (where r.day = p_day)), 0)
           - coalesce(sum(r.moved), 0)
    from touched t
    left join running r on r.id = t.id
    group by t.id
$$;

-- Makes the day's rows visible: key, ATTACH, guards; and their digests, for the seal. Waits
-- until every chunk is done; returns the stage that the day is in.
create function earn_attach_day(p_day date) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    current text;
begin
    select stage into current from earn_dayclose where day = p_day for update;
    if current is distinct from 'ACCRUE' or exists (
        select from earn_closechunk where day = p_day and done_at is null
    ) then
        return current;
    end if;
    execute format('alter table %I add primary key (position_id, day)', earn_partition(p_day));
    execute format('alter table earn_accrual attach partition %I for values from (%L) to (%L)',
                   earn_partition(p_day), p_day, p_day + 1);
    execute format('create trigger never_truncated before truncate on %I
                    for each statement execute function ledger_append_only()',
                   earn_partition(p_day));
    update earn_closechunk c set digest = d.digest
    from earn_chunk_digests(p_day) d
    where c.day = p_day and c.number = d.number;
    update earn_dayclose
    set stage = 'POST', digest = earn_digest_root(p_day),
        positions = (select sum(positions) from earn_closechunk where day = p_day)
    where day = p_day;
    return 'POST';
end $$;

-- SHA-256 of each chunk's accrual rows in the order of their positions: of the columns that
-- the others follow from. Each is fixed in length or says its own, so nothing runs together.
create function earn_chunk_digests(p_day date) returns table (number int, digest bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return query execute format($sql$
        select c.number, sha256(coalesce((
            select string_agg(
                int8send(position_id) || int8send(chart_id) || numeric_send(basis)
                || numeric_send(interest) || numeric_send(carry),
                ''::bytea order by position_id)
            from %I a where a.position_id between c.first_id and c.last_id
        ), ''::bytea))
        from earn_closechunk c where c.day = %L
    $sql$, earn_partition(p_day), p_day);
end $$;

-- SHA-256 of the rates that a day was the first to earn by: each chart is in one day's.
create function earn_chart_digest(p_day date) returns bytea
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(convert_to(coalesce(json_agg(json_build_array(
        c.id, c.product_id, c.version, c.effective_on, c.announced_at at time zone 'UTC',
        (select json_agg(json_build_array(
                    t.term_days, trim_scale(t.from_amount), trim_scale(t.annual_rate))
                order by t.term_days, t.from_amount)
         from earn_ratetier t where t.chart_id = c.id)
    ) order by c.id), '[]')::text, 'UTF8'))
    from earn_ratechart c
    where c.announced_at is not null and c.effective_on <= p_day
      and c.effective_on > coalesce(
          (select max(day) from earn_dayclose where day < p_day), date '-infinity')
$$;

-- What the seal of a day covers besides its entries; null until every chunk has its digest.
create function earn_digest_root(p_day date) returns bytea
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(string_agg(digest, ''::bytea order by number) || earn_chart_digest(p_day))
    from earn_closechunk where day = p_day
    having bool_and(digest is not null)
$$;

-- What a position had accrued through a day; planned for that day's partition alone.
create function earn_accrued_on(p_position bigint, p_day date) returns numeric
language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
begin
    return (select accrued from earn_accrual where position_id = p_position and day = p_day);
end $$;
