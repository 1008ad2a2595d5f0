-- Balances of all accounts before a day, debit positive, without those that are empty.
select a.kind, a.code, s.code as asset, s.scale, sum(x.signed) as balance
from (
    select debit_id as account_id, amount as signed
    from ledger_posting where day < %(first)s
    union all
    select credit_id, -amount
    from ledger_posting where day < %(first)s
) x
join ledger_account a on a.id = x.account_id
join ledger_asset s on s.id = a.asset_id
group by a.id, s.id
having sum(x.signed) <> 0
order by a.kind, a.code, s.code
