-- The only writer of the journal: posts entries, all or none; a replayed key posts nothing.
-- accounts: [[asset_id, code, kind, heading, owner, guarded], ...], opened where missing
-- entries:  [{key, kind, happened_at, adjusting, note, reverses,
--             lines: [[asset_id, debit code, credit code, amount], ...]}, ...]
-- Rows are found by scalar subqueries, one index lookup each: a planner that knows no length
-- of an array plans joins as scans of whole tables, and a session keeps its plan.
create function ledger_post(p_accounts jsonb, p_entries jsonb)
returns table (entry_key text, entry_id bigint, replayed boolean)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp
set enable_seqscan = off as $$
declare
    fresh jsonb;
    posted bigint[];
begin
    -- 1 the key, before anything else: what was posted is answered, not tried again
    perform ledger_refuse_reused_keys(p_entries);
    select jsonb_agg(distinct x) into fresh
    from jsonb_array_elements(p_entries) x
    where (select e.id from ledger_entry e where e.key = x ->> 'key') is null;

    if fresh is not null then
        -- 2 accounts that are named for the first time
        insert into ledger_account (asset_id, code, kind, heading, owner, guarded)
        select (a ->> 0)::int, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::uuid, (a ->> 5)::boolean
        from jsonb_array_elements(p_accounts) a
        where (select k.id from ledger_account k
               where k.asset_id = (a ->> 0)::int and k.code = a ->> 1) is null
        order by 1, 2
        on conflict (asset_id, code) do nothing;
        perform ledger_refuse_other_accounts(p_accounts);

        -- 3 entries with their lines in one statement; triggers check, lock and move balances
        with entry as (
            select x ->> 'key' as key, sha256(convert_to(x::text, 'UTF8')) as digest, x
            from jsonb_array_elements(fresh) x
        ),
        inserted as (
            insert into ledger_entry (key, digest, kind, happened_at, day, adjusting, lines,
                                      note, reverses_id)
            select key, digest, x ->> 'kind', (x ->> 'happened_at')::timestamptz,
                   ((x ->> 'happened_at')::timestamptz at time zone 'UTC')::date,
                   (x ->> 'adjusting')::boolean, jsonb_array_length(x -> 'lines'),
                   x -> 'note', (x ->> 'reverses')::bigint
            from entry
            order by key
            on conflict (key) do nothing
            returning id, key, digest, day
        ),
        line as (
            insert into ledger_posting
                (entry_id, line, day, asset_id, debit_id, credit_id, amount)
            select i.id, l.line, i.day, (l.value ->> 0)::int,
                   (select k.id from ledger_account k
                    where k.asset_id = (l.value ->> 0)::int and k.code = l.value ->> 1),
                   (select k.id from ledger_account k
                    where k.asset_id = (l.value ->> 0)::int and k.code = l.value ->> 2),
                   ledger_whole_units((l.value ->> 3)::numeric, (l.value ->> 0)::int)
            from inserted i
            join entry e using (key, digest)
            cross join lateral jsonb_array_elements(e.x -> 'lines')
                with ordinality as l (value, line)
            returning ledger_posting.entry_id
        )
        select array_agg(distinct line.entry_id) into posted from line;
    end if;

    -- 4 a twin may have posted a key while this call waited for it: same content, or refused
    perform ledger_refuse_reused_keys(p_entries);
    return query
        select e.key, e.id, p.id is null
        from jsonb_array_elements(p_entries) x
        cross join lateral (
            select k.key, k.id from ledger_entry k where k.key = x ->> 'key' limit 1
        ) e
        left join unnest(posted) p (id) on p.id = e.id;
end $$;

create function ledger_refuse_reused_keys(p_entries jsonb) returns void
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
declare
    reused text;
begin
    select x ->> 'key' into reused
    from jsonb_array_elements(p_entries) x
    where (select e.digest from ledger_entry e where e.key = x ->> 'key')
        <> sha256(convert_to(x::text, 'UTF8'))
    limit 1;
    if found then
        perform ledger_refuse('one_entry_per_key',
            format('key %s was used for another entry', reused));
    end if;
end $$;

-- A wallet that is named as an unguarded account or another's is a mistake, not that wallet.
create function ledger_refuse_other_accounts(p_accounts jsonb) returns void
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
declare
    misnamed text;
begin
    select a ->> 1 into misnamed
    from jsonb_array_elements(p_accounts) a
    where not (
        select k.kind = a ->> 2 and k.owner is not distinct from (a ->> 4)::uuid
               and k.guarded = (a ->> 5)::boolean
        from ledger_account k
        where k.asset_id = (a ->> 0)::int and k.code = a ->> 1
    )
    limit 1;
    if found then
        perform ledger_refuse('account_is_as_named',
            format('account %s is of another kind or owner than named', misnamed));
    end if;
end $$;

-- The amount itself, or a refusal: the column would round what is finer than 18 decimals.
create function ledger_whole_units(p_amount numeric, p_asset int) returns numeric
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
    -- neither NaN nor infinity has a scale, nor has an asset that is not there
    if (scale(trim_scale(p_amount))
        <= (select a.scale from ledger_asset a where a.id = p_asset)) is not true then
        perform ledger_refuse('amount_is_in_whole_units',
            format('%s has more decimals than its asset', p_amount));
    end if;
    return p_amount;
end $$;
