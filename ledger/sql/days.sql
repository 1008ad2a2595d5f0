-- Fencing and ending a business day of the books.

-- Waits for entries in flight of the day, and keeps the day's later ones waiting. Nobody else
-- waits, but where days were passed over: an entry of one of those may be in flight as well.
create function ledger_hold_day(p_day date, p_before date) returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    -- a worker whose clock has jumped must not shut the books; their owner may play a calendar
    if p_day >= (clock_timestamp() at time zone 'UTC')::date
       and not pg_has_role(session_user, current_user, 'usage') then
        perform ledger_refuse('day_is_over',
            format('by the server''s clock %s is not over: its books stay open', p_day));
    end if;
    if p_before is null or p_day > p_before + 1 then
        lock table ledger_entry in share mode;  -- before the day, or a post would wait crosswise
    end if;
    perform pg_advisory_xact_lock(7301, p_day - date '2000-01-01');
end $$;

-- From now on the day takes adjusting entries only; waits for orders of that day in flight.
create function ledger_fence_day(p_day date) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(7302, 1);  -- one day at a time
    perform ledger_hold_day(p_day, (select max(day) from ledger_bookday));
    insert into ledger_bookday (day) values (p_day) on conflict (day) do nothing;
end $$;

-- Writes the day's totals and closing balances; after this the day takes nothing at all.
create function ledger_end_day(p_day date) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    last_ended date;
begin
    perform pg_advisory_xact_lock(7302, 1);
    select max(day) into last_ended from ledger_bookday where ended_at is not null;
    perform ledger_hold_day(p_day, last_ended);
    if exists (select from ledger_bookday where day = p_day and ended_at is not null) then
        return;
    end if;
    if exists (
        select from ledger_posting
        where day < p_day and day > coalesce(last_ended, date '-infinity')
    ) or p_day <= last_ended then
        perform ledger_refuse('days_end_in_order',
            format('%s cannot be ended before the days with entries that precede it', p_day));
    end if;

    insert into ledger_balanceday (account_id, day, debits, credits)
    select m.account_id, p_day, m.debits + coalesce(b.debits, 0),
           m.credits + coalesce(b.credits, 0)
    from ledger_day_movements(p_day) m
    join ledger_account a on a.id = m.account_id and a.guarded
    left join lateral (
        select debits, credits from ledger_balanceday x
        where x.account_id = m.account_id and x.day < p_day
        order by x.day desc limit 1
    ) b on true;

    insert into ledger_dailytotal (day, asset_id, heading, kind, debits, credits)
    select p_day, asset_id, heading, kind, sum(debits), sum(credits)
    from (
        select a.asset_id, a.heading, a.kind, x.debits, x.credits
        from ledger_day_movements(p_day) x
        join ledger_account a on a.id = x.account_id
        union all
        select asset_id, heading, kind, debits, credits
        from ledger_dailytotal where day = last_ended
    ) m
    group by asset_id, heading, kind;

    insert into ledger_bookday (day, ended_at) values (p_day, clock_timestamp())
    on conflict (day) do update set ended_at = excluded.ended_at;
end $$;

-- Debits and credits of one day by account.
create function ledger_day_movements(p_day date)
returns table (account_id bigint, debits numeric, credits numeric)
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select account_id, sum(debit), sum(credit)
    from ledger_leg where day = p_day group by account_id
$$;

-- An empty account takes nothing any more; nothing is ever deleted.
create function ledger_close_account(p_asset int, p_code text, p_at timestamptz) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update ledger_account set closed_at = p_at where asset_id = p_asset and code = p_code
$$;
