-- The hash chain over the journal.

-- SHA-256 of each entry as a JSON array: every column of it, and of each of its postings with
-- what never changes of asset and accounts. JSON tells any two lists apart, and null from "".
-- Index lookups whatever the planner knows of young tables: it would scan some for each entry.
create function ledger_entry_hashes(p_ids bigint[])
returns table (entry_id bigint, hash bytea)
language sql stable set search_path = pg_catalog, public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select e.id, sha256(convert_to(json_build_array(
        e.id, e.key, encode(e.digest, 'hex'), e.kind, e.happened_at at time zone 'UTC',
        e.recorded_at at time zone 'UTC', e.day, e.adjusting, e.lines, e.note, e.reverses_id,
        (
            select json_agg(json_build_array(
                p.line, p.day, trim_scale(p.amount), p.asset_id, s.code, s.scale,
                p.debit_id, d.code, d.kind, d.heading, d.owner, d.guarded,
                p.credit_id, c.code, c.kind, c.heading, c.owner, c.guarded
            ) order by p.line)
            from ledger_posting p
            left join ledger_asset s on s.id = p.asset_id
            left join ledger_account d on d.id = p.debit_id
            left join ledger_account c on c.id = p.credit_id
            where p.entry_id = e.id
        ))::text, 'UTF8'))
    from ledger_entry e
    where e.id = any (p_ids)
$$;

create function ledger_seal_hash(
    p_previous bytea, p_number bigint, p_count int, p_root bytea, p_sealed_at timestamptz,
    p_day date, p_attests bytea
) returns bytea
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(convert_to(json_build_array(
        encode(p_previous, 'hex'), p_number, p_count, encode(p_root, 'hex'),
        p_sealed_at at time zone 'UTC', p_day, encode(p_attests, 'hex'))::text, 'UTF8'))
$$;

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
