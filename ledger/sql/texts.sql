-- What is hashed of entries and of seals: the one place that spells it.

-- Each entry as a JSON array: every column of it, and of each of its postings with what never
-- changes of asset and accounts. JSON tells any two lists apart, and null from "".
create view ledger_entrytext as
select e.id as entry_id, json_build_array(
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
    ))::text as text
from ledger_entry e;

-- Index lookups whatever the planner knows of young tables: it would scan some for each entry.
create or replace function ledger_entry_hashes(p_ids bigint[])
returns table (entry_id bigint, hash bytea)
language sql stable set search_path = pg_catalog, public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select e.entry_id, sha256(convert_to(e.text, 'UTF8'))
    from ledger_entrytext e
    where e.entry_id = any (p_ids)
$$;

create function ledger_seal_text(
    p_previous bytea, p_number bigint, p_count int, p_root bytea, p_sealed_at timestamptz,
    p_day date, p_attests bytea
) returns text
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select json_build_array(
        encode(p_previous, 'hex'), p_number, p_count, encode(p_root, 'hex'),
        p_sealed_at at time zone 'UTC', p_day, encode(p_attests, 'hex'))::text
$$;

create or replace function ledger_seal_hash(
    p_previous bytea, p_number bigint, p_count int, p_root bytea, p_sealed_at timestamptz,
    p_day date, p_attests bytea
) returns bytea
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(convert_to(ledger_seal_text(
        p_previous, p_number, p_count, p_root, p_sealed_at, p_day, p_attests), 'UTF8'))
$$;
