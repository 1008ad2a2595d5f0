-- Positions keep the terms that they were opened with.

create function earn_position_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.term_days is not null
           and new.chart_id is distinct from earn_chart_on(new.product_id, new.first_day) then
            perform ledger_refuse('fixed_positions_begin_with_the_chart_in_force',
                'a fixed position takes the rates in force on its first day');
        end if;
        return new;
    end if;
    if row(new.id, new.customer_id, new.product_id, new.chart_id, new.term_days,
           new.opened_at, new.matures_on, new.compounds, new.renews_id)
        is distinct from
       row(old.id, old.customer_id, old.product_id, old.chart_id, old.term_days,
           old.opened_at, old.matures_on, old.compounds, old.renews_id)
       -- what matured on an earlier day may join a flexible position that is younger
       or new.first_day > old.first_day
       or new.first_day < old.first_day and old.term_days is not null
       or new.last_day is distinct from old.last_day and new.state = 'OPEN' then
        perform ledger_refuse('position_terms_are_immutable',
            'a position keeps product, rates, term and dates for life');
    end if;
    if old.state <> 'OPEN' and new.state <> old.state then
        perform ledger_refuse('positions_end_once', 'a position that has ended stays ended');
    end if;
    return new;
end $$;

create trigger position_written before insert or update on earn_position
    for each row execute function earn_position_written();
create trigger append_only before delete on earn_position
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_position
    for each statement execute function ledger_append_only();
