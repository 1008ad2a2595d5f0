-- Pauses of interest: never twice over a day, and never over a day that is closed.

alter table earn_earningpause
    -- a range of one number: plain integers would need an extension
    add constraint pauses_never_overlap exclude using gist (
        int8range(customer_id, customer_id, '[]') with &&,
        daterange(from_day, until_day + 1) with &&);

create function earn_pause_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    begun date;
begin
    perform pg_advisory_xact_lock_shared(7303, 0);  -- no close begins in the meantime
    select max(day) into begun from earn_dayclose;
    if tg_op = 'INSERT' then
        if new.from_day <= greatest(begun, (new.made_at at time zone 'UTC')::date) then
            perform ledger_refuse('pauses_begin_later',
                'a pause begins on a day that has not begun and is not closed');
        end if;
        perform from earn_customer where id = new.customer_id and frozen_in for share;
        if not found then
            perform ledger_refuse('paused_customers_take_no_money',
                'no new money comes in where none would earn');
        end if;
        return new;
    end if;
    if old.until_day is not null
       or row(new.id, new.customer_id, new.from_day, new.made_at)
          is distinct from row(old.id, old.customer_id, old.from_day, old.made_at) then
        perform ledger_refuse('pauses_end_once', 'a pause only ends, and only once');
    end if;
    if new.until_day < greatest(begun, (new.ended_at at time zone 'UTC')::date) then
        perform ledger_refuse('pauses_end_later',
            'a day that has begun or is closed stays paused');
    end if;
    return new;
end $$;

create trigger pause_written before insert or update on earn_earningpause
    for each row execute function earn_pause_written();
create trigger append_only before delete on earn_earningpause
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_earningpause
    for each statement execute function ledger_append_only();

create function earn_customer_thawed() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (
        select from earn_earningpause where customer_id = new.id and until_day is null
    ) then
        perform ledger_refuse('paused_customers_take_no_money',
            'no new money comes in where none would earn');
    end if;
    return new;
end $$;

create trigger customer_thawed before update on earn_customer
    for each row when (old.frozen_in and not new.frozen_in)
    execute function earn_customer_thawed();
