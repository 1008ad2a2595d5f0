-- Guarded balances that are not the sum of their postings, or whose version has a gap.
with legs as (
    select account_id, sum(debit) debits, sum(credit) credits,
           count(distinct entry_id) entries
    from ledger_leg
    join ledger_account a on a.id = account_id and a.guarded
    group by account_id
),
guarded as (
    select id as account_id, asset_id, code from ledger_account where guarded
)
select coalesce(g.code, 'account ' || b.account_id) as subject,
       format('balance row %%s/%%s version %%s, postings %%s/%%s in %%s entries',
              b.debits, b.credits, b.version, l.debits, l.credits, l.entries) as detail
from guarded g
full join ledger_balance b using (account_id)
left join legs l using (account_id)
where b.account_id is null or g.account_id is null or b.asset_id <> g.asset_id
   or b.debits <> coalesce(l.debits, 0) or b.credits <> coalesce(l.credits, 0)
   or b.version <> coalesce(l.entries, 0)
