-- Of each asset what the house has, where, and what it owes customers, when a day was over
select asset_id,
       coalesce(sum(debits - credits) filter (where heading = %(custody)s), 0) as custody,
       coalesce(sum(debits - credits) filter (where heading like %(deployed)s), 0) as deployed,
       coalesce(sum(credits - debits) filter (where heading = %(wallets)s), 0) as wallets,
       coalesce(sum(credits - debits) filter (where heading = %(principals)s), 0)
           as principals,
       coalesce(sum(credits - debits) filter (where heading = %(redeeming)s), 0) as redeeming,
       coalesce(sum(credits - debits) filter (where heading like %(accrued)s), 0) as accrued,
       coalesce(sum(debits - credits) filter (where kind = 'ASSET'), 0) as assets,
       coalesce(sum(credits - debits) filter (where kind = 'LIABILITY'), 0) as liabilities
from ledger_dailytotal
where day = %(day)s
group by asset_id
