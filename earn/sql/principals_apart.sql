-- Positions whose principal is not the balance of their account, with both figures.
select coalesce(p.asset_id, a.asset_id) as asset_id, coalesce(p.code, a.code) as code,
       coalesce(p.principal, 0) as principal, coalesce(a.balance, 0) as balance
from (
    select p.id, p.principal, product.asset_id, 'position:' || p.id || ':principal' as code
    from earn_position p join earn_product product on product.id = p.product_id
) p
full join (
    select a.asset_id, a.code, b.credits - b.debits as balance
    from ledger_account a join ledger_balance b on b.account_id = a.id
    where a.heading = 'position:*:principal'
) a on a.asset_id = p.asset_id and a.code = p.code
where coalesce(p.principal, 0) <> coalesce(a.balance, 0)
