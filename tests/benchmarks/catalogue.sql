-- Products of three tiers over 1,300 assets, a third of them fixed terms.
insert into ledger_asset (code, name, scale, kind)
select 'A' || i, 'Asset ' || i, (array[6, 8, 18])[1 + i %% 3], 'CRYPTO'
from generate_series(1, 1300) i;

insert into earn_product (code, asset_id, kind, names, state, minimum, day_count,
    tier_mode, compounding, payout, final_rounding, early_rule,
    minimum_holding_days, settlement_delay_days, renewal_cutoff_hours, notice_days,
    countries_allowed, countries_denied, minimum_kyc_level, risk_text, risk_translations,
    risk_version)
select 'P' || i, (select min(id) from ledger_asset) + i %% 1300,
       case when i %% 3 = 0 then 'FIXED' else 'FLEXIBLE' end, '{}', 'OPEN', 0,
       'ACT/365F', 'SLICE', case when i %% 3 = 1 then 'DAILY' else 'NONE' end,
       case when i %% 3 = 0 then 'AT_MATURITY' else 'ON_REDEMPTION' end, 'FLOOR',
       'FORBIDDEN', 0, 0, 0, 0, '{}', '{}', 0, '', '{}', 1
from generate_series(1, %(products)s) i;

insert into earn_ratechart (product_id, version, announced_at, effective_on)
select id, 1, timestamptz '2025-12-01', date '2025-12-01' from earn_product;

insert into earn_ratetier (chart_id, term_days, from_amount, annual_rate)
select c.id, case when p.kind = 'FIXED' then 365 end, t.lower, t.rate
from earn_ratechart c join earn_product p on p.id = c.product_id
cross join (values (0, 0.12), (500, 0.008), (5000, 0.003)) t (lower, rate);
