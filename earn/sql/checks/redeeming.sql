-- Customers whose money being redeemed is not that of their pending redemptions.
with books as (
    select a.owner, a.asset_id, b.credits - b.debits as amount
    from ledger_account a join ledger_balance b on b.account_id = a.id
    where a.heading = 'customer:*:redeeming'
),
pending as (
    select c.uuid as owner, p.asset_id, sum(o.amount) as amount
    from earn_order o
    join earn_customer c on c.id = o.customer_id
    join earn_product p on p.id = o.product_id
    where o.state = 'PENDING'
    group by 1, 2
)
select 'customer ' || coalesce(b.owner, p.owner) as subject,
       format('the books hold %%s, orders say %%s', coalesce(b.amount, 0),
              coalesce(p.amount, 0)) as detail
from books b full join pending p using (owner, asset_id)
where coalesce(b.amount, 0) <> coalesce(p.amount, 0)
