-- Assets where assets + expense differ from liabilities + equity + income.
select s.code as subject, format('the two sides differ by %%s', sum(l.amount)) as detail
from ledger_leg l
join ledger_account a on a.id = l.account_id
join ledger_asset s on s.id = l.asset_id
group by s.code
having sum(l.amount) <> 0
