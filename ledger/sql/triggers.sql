-- What must hold whoever writes: append-only history, lawful postings, balances that follow.

create function ledger_refuse(p_rule text, p_sentence text) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    -- class 23, so that it reaches Django as an IntegrityError with the rule's name
    raise exception '%', p_sentence using errcode = '23514', constraint = p_rule;
end $$;

create function ledger_append_only() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    perform ledger_refuse(
        tg_table_name || '_is_append_only',
        format('%s on %s is forbidden: history is only added to', tg_op, tg_table_name)
    );
    return null;
end $$;

-- An entry arrives with all its lines in one statement, on a day that still takes it.
create function ledger_entry_inserted() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp
set enable_seqscan = off as $$
declare
    d date;
begin
    if exists (
        select from new_entries e
        where e.lines <> (select count(*) from ledger_posting p where p.entry_id = e.id)
    ) then
        perform ledger_refuse('entry_has_all_its_lines',
            'an entry and all of its postings are inserted by one statement');
    end if;
    for d in select distinct day from new_entries order by day loop
        perform pg_advisory_xact_lock_shared(7301, d - date '2000-01-01');
    end loop;
    select e.day into d from new_entries e
    where e.day <= (select max(b.day) from ledger_bookday b where b.ended_at is not null)
       or (not e.adjusting and e.day <= (select max(b.day) from ledger_bookday b))
    limit 1;
    if found then
        perform ledger_refuse('day_is_open',
            format('the books of %s are closed; take a later value date', d));
    end if;
    insert into ledger_sealqueue (entry_id) select id from new_entries;
    return null;
end $$;

-- Lines are whole units on open accounts, and every guarded balance follows at once.
-- A session plans this once, for whatever it posts first: index lookups suit one line and
-- a hundred thousand, a plan made for a batch would scan whole tables for each later line.
create function ledger_posting_inserted() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    perform from ledger_balance b
    where b.account_id in (
        select debit_id from new_postings union select credit_id from new_postings
    )
    order by b.account_id
    for update;

    if exists (
        select from new_postings p join ledger_asset a on a.id = p.asset_id
        where scale(trim_scale(p.amount)) > a.scale
    ) then
        perform ledger_refuse('amount_is_in_whole_units',
            'an amount has more decimals than its asset');
    end if;
    if exists (
        select from new_postings p
        join ledger_account a on a.id in (p.debit_id, p.credit_id)
        where a.closed_at is not null
    ) then
        perform ledger_refuse('account_is_open', 'a closed account takes nothing');
    end if;
    if exists (
        select from (
            select entry_id, min(day) d, max(day) m from new_postings group by 1
        ) p
        join ledger_entry e on e.id = p.entry_id
        where e.day <> p.d or e.day <> p.m
           or e.lines <> (select count(*) from ledger_posting x where x.entry_id = e.id)
    ) then
        perform ledger_refuse('entry_has_all_its_lines',
            'an entry and all of its postings are inserted by one statement, on its day');
    end if;

    if exists (
        select from new_postings p
        join ledger_entry e on e.id = p.entry_id
        join ledger_entry r on r.id = e.reverses_id
        where r.lines <> e.lines or not exists (
            select from ledger_posting x
            where x.entry_id = r.id and x.line = p.line and x.asset_id = p.asset_id
              and x.debit_id = p.credit_id and x.credit_id = p.debit_id
              and x.amount = p.amount
        )
    ) then
        perform ledger_refuse('reversal_mirrors_its_entry',
            'a reversal has the lines of its entry, each the other way round');
    end if;

    update ledger_balance b
    set debits = b.debits + m.debits, credits = b.credits + m.credits,
        version = b.version + m.entries
    from (
        select account_id, sum(debit) debits, sum(credit) credits,
               count(distinct entry_id) entries
        from (
            select debit_id account_id, entry_id, amount debit, 0 credit from new_postings
            union all
            select credit_id, entry_id, 0, amount from new_postings
        ) legs
        group by account_id
    ) m
    where b.account_id = m.account_id;
    return null;
end $$;

-- Only the trigger on postings moves a balance, and only upwards.
create function ledger_balance_guard() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' and pg_trigger_depth() > 1
       and new.debits = 0 and new.credits = 0 and new.held = 0 and new.version = 0 then
        return new;
    end if;
    if tg_op = 'UPDATE' and pg_trigger_depth() > 1
       and new.account_id = old.account_id and new.asset_id = old.asset_id
       and new.debits >= old.debits and new.credits >= old.credits
       and new.held = old.held and new.version > old.version then
        return new;
    end if;
    perform ledger_refuse('balance_follows_postings',
        'a balance moves only with the postings of its account');
    return null;
end $$;

create function ledger_account_inserted() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into ledger_balance (account_id, asset_id, debits, credits, held, version)
    select id, asset_id, 0, 0, 0, 0 from new_accounts where guarded;
    return null;
end $$;

-- Of an account nothing changes but that it is closed, once, when it is empty.
create function ledger_account_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    -- waits for posts in flight: their foreign keys hold the account
    perform from ledger_account where id = old.id for update;
    if (to_jsonb(new) - 'closed_at') <> (to_jsonb(old) - 'closed_at')
       or old.closed_at is not null then
        perform ledger_refuse('account_is_immutable', 'an account is closed once, never edited');
    end if;
    if exists (
        select from ledger_balance where account_id = old.id and credits <> debits
    ) or not old.guarded and (
        select sum(case old.id when debit_id then amount else -amount end)
        from ledger_posting where old.id in (debit_id, credit_id)
    ) <> 0 then
        perform ledger_refuse('account_is_empty', 'an account with a balance is not closed');
    end if;
    return new;
end $$;

create function ledger_asset_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.id <> old.id or new.code <> old.code or new.scale <> old.scale then
        perform ledger_refuse('asset_is_immutable',
            'code and scale of an asset never change: amounts depend on them');
    end if;
    return new;
end $$;

-- A fenced day is ended once; neither is ever undone.
create function ledger_bookday_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.day <> old.day or new.fenced_at <> old.fenced_at or old.ended_at is not null then
        perform ledger_refuse('day_is_immutable', 'a day is fenced and ended once');
    end if;
    return new;
end $$;

create trigger entry_inserted after insert on ledger_entry
    referencing new table as new_entries
    for each statement execute function ledger_entry_inserted();
create trigger posting_inserted after insert on ledger_posting
    referencing new table as new_postings
    for each statement execute function ledger_posting_inserted();
create trigger account_inserted after insert on ledger_account
    referencing new table as new_accounts
    for each statement execute function ledger_account_inserted();
create trigger account_updated before update on ledger_account
    for each row execute function ledger_account_updated();
create trigger asset_updated before update on ledger_asset
    for each row execute function ledger_asset_updated();
create trigger bookday_updated before update on ledger_bookday
    for each row execute function ledger_bookday_updated();
create trigger balance_guard before insert or update on ledger_balance
    for each row execute function ledger_balance_guard();

do $$
declare
    t text;
begin
    foreach t in array array[
        'ledger_entry', 'ledger_posting', 'ledger_seal', 'ledger_sealedentry',
        'ledger_balanceday', 'ledger_dailytotal'
    ] loop
        execute format(
            'create trigger append_only before update or delete on %I
             for each row execute function ledger_append_only()', t);
    end loop;
    foreach t in array array[
        'ledger_asset', 'ledger_account', 'ledger_balance', 'ledger_bookday'
    ] loop
        execute format(
            'create trigger append_only before delete on %I
             for each row execute function ledger_append_only()', t);
    end loop;
    foreach t in array array[
        'ledger_asset', 'ledger_account', 'ledger_balance', 'ledger_bookday',
        'ledger_entry', 'ledger_posting', 'ledger_seal', 'ledger_sealedentry',
        'ledger_balanceday', 'ledger_dailytotal', 'ledger_sealqueue'
    ] loop
        execute format(
            'create trigger never_truncated before truncate on %I
             for each statement execute function ledger_append_only()', t);
    end loop;
end $$;
