-- Assets where assets + expense differ from liabilities + equity + income.
select s.code as subject, format('the two sides differ by %s', sum(x.signed)) as detail
from (
    select p.asset_id, d.kind, p.amount as signed
    from ledger_posting p join ledger_account d on d.id = p.debit_id
    union all
    select p.asset_id, c.kind, -p.amount
    from ledger_posting p join ledger_account c on c.id = p.credit_id
) x
join ledger_asset s on s.id = x.asset_id
group by s.code
having sum(x.signed) <> 0
