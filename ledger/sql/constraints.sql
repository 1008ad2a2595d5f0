-- Constraints that Django cannot declare: immediate composite keys, and what is immutable.
alter table ledger_entry
    add constraint entry_key_is_1_to_200_long check (length(key) between 1 and 200),
    add constraint entry_day_is_the_utc_date_of_happened_at
        check (day = (happened_at at time zone 'UTC')::date),
    add constraint entry_reverses_an_entry foreign key (reverses_id) references ledger_entry,
    alter column recorded_at set default clock_timestamp();

alter table ledger_balance
    add constraint balance_shares_its_accounts_asset
        foreign key (account_id, asset_id) references ledger_account (id, asset_id);

alter table ledger_posting
    add constraint posting_belongs_to_an_entry foreign key (entry_id) references ledger_entry,
    add constraint debit_shares_the_asset
        foreign key (debit_id, asset_id) references ledger_account (id, asset_id),
    add constraint credit_shares_the_asset
        foreign key (credit_id, asset_id) references ledger_account (id, asset_id);
