-- The hash chain over the journal; what is hashed stands in texts.sql.

-- Seals exactly the queued entries (never "id > last": low ids commit late); returns the
-- seal's number, or null when there is nothing to seal. With a day, the seal ends that day
-- and covers the digest of what else the day rests on.
create function ledger_seal_entries(p_day date default null, p_attests bytea default null)
returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    ids bigint[];
    last ledger_seal;
    v_root bytea;
    v_number bigint;
    v_at timestamptz;
begin
    perform pg_advisory_xact_lock(7302, 0);  -- a single sealer
    if p_day is not null then
        select s.number into v_number from ledger_seal s where s.day = p_day;
        if found then
            return v_number;
        end if;
        if not exists (
            select from ledger_bookday where day = p_day and ended_at is not null
        ) then
            perform ledger_refuse('sealed_days_are_ended',
                format('the books of %s are not ended yet', p_day));
        end if;
    end if;
    with taken as (delete from ledger_sealqueue returning entry_id)
    select coalesce(array_agg(entry_id order by entry_id), '{}') into ids from taken;
    if cardinality(ids) = 0 and p_day is null then
        return null;
    end if;

    select * into last from ledger_seal order by number desc limit 1;
    v_number := coalesce(last.number, 0) + 1;
    v_at := clock_timestamp();
    insert into ledger_sealedentry (entry_id, seal_id, position, hash)
    select h.entry_id, v_number, row_number() over (order by h.entry_id), h.hash
    from ledger_entry_hashes(ids) h;
    v_root := ledger_seal_root(v_number);
    insert into ledger_seal (number, previous, count, root, hash, sealed_at, day,
                             attests)
    select v_number, p, cardinality(ids), v_root,
           ledger_seal_hash(p, v_number, cardinality(ids), v_root, v_at, p_day,
                            p_attests), v_at, p_day, p_attests
    from (select coalesce(last.hash, ledger_genesis()) p) x;
    return v_number;
end $$;

create function ledger_seal_root(p_number bigint) returns bytea
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(coalesce(
        string_agg(int4send(position) || hash, ''::bytea order by position, entry_id),
        ''::bytea))
    from ledger_sealedentry where seal_id = p_number
$$;

create function ledger_genesis() returns bytea
language sql immutable set search_path = pg_catalog, public, pg_temp as $$
    select sha256('earn ledger: the first seal'::bytea)
$$;
