-- Accrues one chunk of a day, once; the basis of a day on which a customer is paused is 0.

-- Accrues one chunk, once; returns its number of positions, or null when another worker
-- has it or it is done.
create or replace function earn_accrue_chunk(p_day date, p_number int) returns int
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    chunk earn_closechunk;
    yesterday text := earn_partition(p_day - 1);
    paused bigint[];
    accrued int;
begin
    select * into chunk from earn_closechunk
    where day = p_day and number = p_number and done_at is null
    for update skip locked;
    if not found then
        return null;
    end if;

    -- The pauses of a day are final before its close begins; they are few or none.
    paused := array(
        select customer_id from earn_earningpause
        where from_day <= p_day and (until_day is null or until_day >= p_day));

    -- One statement reads positions and their corrections: an order that commits between two
    -- would be in the one and not in the other. No statistics yet on tables this young: hash
    -- joins over ranges are right at any size.
    perform set_config('enable_nestloop', 'off', true);
    execute format($sql$
        insert into %1$I
            (position_id, chart_id, day, days, year_basis, basis, interest, accrued, carry)
        select id, chart_id, %2$L::date, days, year_basis, basis, n * unit, before + n * unit,
               x - n * quantum
        from (
            select *, div(x, quantum) as n
            from (
                select p.id, p.basis, p.before, b.chart_id, b.days, b.year_basis, b.unit,
                       b.quantum, p.carry + b.base + (p.basis - b.shift) * b.rate as x
                from (
                    select p.id, p.late_start, y.before, y.carry,
                           coalesce(p.chart_id * 100000 + p.term_days, -p.product_id) as key,
                           case when p.customer_id = any (%6$L::bigint[]) then 0
                                else p.principal + coalesce(c.correction, 0)
                                     + case when p.compounds
                                            then y.before - p.interest_settled
                                            else 0 end
                           end as basis
                    from earn_position p
                    left join earn_corrections(%2$L, %4$s, %5$s) as c (id, correction)
                        on c.id = p.id
                    cross join lateral (
                        select case when p.first_day = %2$L then 0 end as nothing
                    ) first
                    left join %3$s on prior.position_id = p.id
                    cross join lateral (
                        select coalesce(first.nothing, prior.accrued) as before,
                               coalesce(first.nothing, prior.carry) as carry
                    ) y
                    where p.id between %4$s and %5$s and p.first_day <= %2$L
                      and (p.last_day is null or p.last_day >= %2$L)
                    offset 0
                ) p
                left join earn_band b on b.key = p.key and b.day = %2$L
                    and b.lower <= p.basis and (b.upper is null or p.basis < b.upper)
                    and (b.late_start is null or b.late_start = p.late_start)
                offset 0
            ) priced
            offset 0
        ) divided
    $sql$,
        earn_partition(p_day), p_day,
        case when to_regclass(yesterday) is null
            then '(select null::bigint position_id, 0::numeric accrued, 0::numeric carry
                   where false) prior'
            else format('(select position_id, accrued, carry from %I
                          where position_id between %s and %s) prior',
                        yesterday, chunk.first_id, chunk.last_id) end,
        chunk.first_id, chunk.last_id, paused);
    get diagnostics accrued = row_count;
    perform set_config('enable_nestloop', 'on', true);

    update earn_closechunk set done_at = clock_timestamp(), positions = accrued
    where day = p_day and number = p_number;
    return accrued;
end $$;
