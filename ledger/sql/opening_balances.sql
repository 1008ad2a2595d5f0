-- Balances of all accounts before a day, debit positive, without those that are empty.
select a.kind, a.code, s.code as asset, s.scale, sum(l.amount) as balance
from ledger_leg l
join ledger_account a on a.id = l.account_id
join ledger_asset s on s.id = a.asset_id
where l.day < %(first)s
group by a.id, s.id
having sum(l.amount) <> 0
order by a.kind, a.code, s.code
