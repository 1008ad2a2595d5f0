-- Risk texts: whoever accepted a version accepted what it said.

create function earn_risk_changed() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    -- nobody could accept a draft's
    if old.state <> 'DRAFT' and new.risk_version <= old.risk_version and row(
        new.risk_text, new.risk_translations, new.risk_version
    ) is distinct from row(
        old.risk_text, old.risk_translations, old.risk_version
    ) then
        perform ledger_refuse('changed_risk_texts_have_a_higher_version',
            format('the risk text of a product, and each translation of it, changes with a '
                   'higher version: take %s', old.risk_version + 1));
    end if;
    return new;
end $$;

create trigger risk_changed before update on earn_product
    for each row execute function earn_risk_changed();
