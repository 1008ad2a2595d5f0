-- What a break is about never changes, wherever it comes from; it is resolved for ever.

create or replace function earn_break_updated() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if old.resolved_at is not null then
        perform ledger_refuse('resolved_breaks_stay_resolved',
            'a break that is resolved stays as it is');
    end if;
    if row(new.id, new.kind, new.asset_id, new.subject, new.as_of, new.statement_id,
           new.line_id, new.stated, new.books, new.opened_at)
        is distinct from
       row(old.id, old.kind, old.asset_id, old.subject, old.as_of, old.statement_id,
           old.line_id, old.stated, old.books, old.opened_at) then
        perform ledger_refuse('breaks_are_immutable',
            'what a break is about never changes: only its owner and its resolution do');
    end if;
    return new;
end $$;
