-- Products and charts: states, immutable terms, notice before a cut, quota.

create function earn_product_inserted() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if new.state <> 'DRAFT' then
        perform ledger_refuse('product_states_follow_their_order',
            'a product begins as a draft');
    end if;
    return new;
end $$;

create function earn_product_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.state <> new.state and (old.state, new.state) not in (
        ('DRAFT', 'OPEN'), ('OPEN', 'PAUSED'), ('PAUSED', 'OPEN'), ('PAUSED', 'CLOSED')
    ) then
        perform ledger_refuse('product_states_follow_their_order',
            format('a product goes from draft to open, open to paused and back, paused to '
                   'closed; not from %s to %s', lower(old.state), lower(new.state)));
    end if;
    if old.state <> 'DRAFT' and row(
        new.code, new.asset_id, new.kind, new.day_count, new.tier_mode, new.compounding,
        new.payout, new.final_rounding, new.early_rule, new.early_rate, new.early_days,
        new.minimum_holding_days, new.settlement_delay_days, new.renewal_cutoff_hours,
        new.notice_days
    ) is distinct from row(
        old.code, old.asset_id, old.kind, old.day_count, old.tier_mode, old.compounding,
        old.payout, old.final_rounding, old.early_rule, old.early_rate, old.early_days,
        old.minimum_holding_days, old.settlement_delay_days, old.renewal_cutoff_hours,
        old.notice_days
    ) then
        perform ledger_refuse('product_terms_are_immutable',
            'the terms of a product are fixed once it has opened; make a new product');
    end if;
    if new.state = 'OPEN' and old.state = 'DRAFT' and not exists (
        select from earn_ratechart where product_id = new.id and announced_at is not null
    ) then
        perform ledger_refuse('open_products_have_rates',
            'announce a rate chart before the product opens');
    end if;
    if new.state = 'OPEN' and new.quota <> coalesce((
        select sum(capacity) from earn_quotashard where product_id = new.id
    ), 0) then
        perform ledger_refuse('open_products_have_their_quota',
            'lay out the quota of the product in shards before it opens');
    end if;
    return new;
end $$;

-- An announced chart and its tiers never change.
create function earn_chart_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op <> 'INSERT' and old.announced_at is not null then
        perform ledger_refuse('announced_charts_are_immutable',
            'an announced rate chart never changes; announce another version');
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.announced_at is not null then
        perform earn_check_announcement(new);
    end if;
    return new;
end $$;

create function earn_tier_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    -- waits for an announcement in flight, which waits for tiers in flight the same way
    perform from earn_ratechart
    where tg_op <> 'INSERT' and id = old.chart_id or tg_op <> 'DELETE' and id = new.chart_id
    for share;
    if tg_op <> 'INSERT' and exists (
        select from earn_ratechart where id = old.chart_id and announced_at is not null
    ) or tg_op <> 'DELETE' and exists (
        select from earn_ratechart where id = new.chart_id and announced_at is not null
    ) then
        perform ledger_refuse('announced_charts_are_immutable',
            'an announced rate chart never changes; announce another version');
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;

-- The rate of an amount in a chart; 0 below its first tier.
create function earn_rate_at(p_chart bigint, p_term int, p_amount numeric) returns numeric
language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select coalesce((
        select annual_rate from earn_ratetier
        where chart_id = p_chart and term_days is not distinct from p_term
          and from_amount <= p_amount
        order by from_amount desc limit 1
    ), 0)
$$;

-- The announced chart of a product that is in force on a day, or null.
create function earn_chart_on(p_product bigint, p_day date) returns bigint
language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select id from earn_ratechart
    where product_id = p_product and announced_at is not null and effective_on <= p_day
    order by effective_on desc, version desc limit 1
$$;

create function earn_check_announcement(p_chart earn_ratechart) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    announced_on date := (p_chart.announced_at at time zone 'UTC')::date;
    notice int := (select notice_days from earn_product where id = p_chart.product_id);
    flexible boolean := (select kind = 'FLEXIBLE' from earn_product
                         where id = p_chart.product_id);
    rival bigint;
begin
    -- a day that is just being opened has looked its rates up already: waits for it to be seen
    perform pg_advisory_xact_lock_shared(7303, 0);
    -- one announcement at a time, or two could each overlook the other
    perform from earn_product where id = p_chart.product_id for no key update;
    if not exists (select from earn_ratetier where chart_id = p_chart.id) then
        perform ledger_refuse('announced_charts_have_tiers', 'a rate chart has a tier or more');
    end if;
    if exists (
        select from earn_ratetier
        where chart_id = p_chart.id and (term_days is null) <> flexible
    ) then
        perform ledger_refuse('tiers_fit_the_kind',
            'tiers of a fixed product have a term, those of a flexible one have none');
    end if;
    if p_chart.effective_on <= (select max(day) from earn_dayclose)
       or p_chart.effective_on < announced_on and exists (
        select from earn_ratechart
        where product_id = p_chart.product_id and announced_at is not null
          and id <> p_chart.id
    ) then
        perform ledger_refuse('rates_never_change_the_past',
            'a rate chart takes effect on the day it is announced at the earliest, and on no '
            'day that is closed');
    end if;
    if p_chart.effective_on >= announced_on + notice then
        return;
    end if;
    -- until the next announced chart this one displaces what was promised for these days
    rival := earn_chart_on(p_chart.product_id, p_chart.effective_on);
    if exists (
        select from (
            select term_days, from_amount from earn_ratetier
            where chart_id in (rival, p_chart.id)
        ) edge
        where earn_rate_at(p_chart.id, term_days, from_amount)
            < earn_rate_at(rival, term_days, from_amount)
    ) then
        perform ledger_refuse('cuts_wait_for_their_notice',
            format('a lower rate takes effect on %s at the earliest', announced_on + notice));
    end if;
end $$;

create trigger product_inserted before insert on earn_product
    for each row execute function earn_product_inserted();
create trigger product_updated before update on earn_product
    for each row execute function earn_product_updated();
create trigger chart_written before insert or update or delete on earn_ratechart
    for each row execute function earn_chart_written();
create trigger tier_written before insert or update or delete on earn_ratetier
    for each row execute function earn_tier_written();

-- Takes from a product's quota, all or nothing; true when it was there. The last statement
-- of an order: a free shard is taken without waiting, else all are locked in ascending order.
create function earn_take_quota(p_product bigint, p_amount numeric) returns boolean
language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    shard record;
    wanted numeric := p_amount;
    part numeric;
begin
    select id into shard from earn_quotashard
    where product_id = p_product and used + p_amount <= capacity
    order by random() limit 1 for update skip locked;
    if found then
        update earn_quotashard set used = used + p_amount where id = shard.id;
        return true;
    end if;
    perform from earn_quotashard where product_id = p_product order by number for update;
    if not found or p_amount > (
        select sum(capacity - used) from earn_quotashard where product_id = p_product
    ) then
        return false;
    end if;
    for shard in
        select id, capacity - used as free from earn_quotashard
        where product_id = p_product order by number
    loop
        part := least(wanted, shard.free);
        update earn_quotashard set used = used + part where id = shard.id and part > 0;
        wanted := wanted - part;
    end loop;
    return true;
end $$;

-- Gives back to a product's quota.
create function earn_release_quota(p_product bigint, p_amount numeric) returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    shard record;
    rest numeric := p_amount;
    part numeric;
begin
    for shard in
        select id, used from earn_quotashard
        where product_id = p_product order by number for update
    loop
        part := least(rest, shard.used);
        update earn_quotashard set used = used - part where id = shard.id and part > 0;
        rest := rest - part;
    end loop;
    if found and rest > 0 then
        perform ledger_refuse('not_oversold', 'more is given back to the quota than was used');
    end if;
end $$;
