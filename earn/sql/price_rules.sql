-- Prices: never changed, and which were known at a moment can be told for ever.

-- The moment is the database's own and taken under a lock that known_prices.sql waits for: no
-- price is ever seen late by whoever asks what was known.
create function earn_price_inserted() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock_shared(7305, 0);
    new.recorded_at := clock_timestamp();
    return new;
end $$;

create trigger price_inserted before insert on earn_price
    for each row execute function earn_price_inserted();
create trigger append_only before update or delete on earn_price
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_price
    for each statement execute function ledger_append_only();
