-- Guarded accounts below zero.
select a.code as subject, format('%%s %%s below zero', b.debits + b.held - b.credits, s.code) as detail
from ledger_balance b
join ledger_account a on a.id = b.account_id
join ledger_asset s on s.id = a.asset_id
where b.debits + b.held > b.credits
