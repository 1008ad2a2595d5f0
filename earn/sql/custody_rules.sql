-- Statements are only added to; a break is resolved once and for ever.

create function earn_break_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.resolved_at is not null then
        perform ledger_refuse('resolved_breaks_stay_resolved',
            'a break that is resolved stays as it is');
    end if;
    if row(new.id, new.line_id, new.stated, new.books, new.opened_at)
        is distinct from row(old.id, old.line_id, old.stated, old.books, old.opened_at) then
        perform ledger_refuse('breaks_are_immutable',
            'what a break is about never changes: only its owner and its resolution do');
    end if;
    return new;
end $$;

create trigger break_updated before update on earn_break
    for each row execute function earn_break_updated();
create trigger append_only before delete on earn_break
    for each row execute function ledger_append_only();

do $$
declare
    t text;
begin
    foreach t in array array[
        'earn_custodystatement', 'earn_custodyline', 'earn_reconciliation'
    ] loop
        execute format(
            'create trigger append_only before update or delete on %I
             for each row execute function ledger_append_only()', t);
    end loop;
    foreach t in array array[
        'earn_custodystatement', 'earn_custodyline', 'earn_break', 'earn_reconciliation'
    ] loop
        execute format(
            'create trigger never_truncated before truncate on %I
             for each statement execute function ledger_append_only()', t);
    end loop;
end $$;
