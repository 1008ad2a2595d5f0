-- Control accounts of the books, each beside the sum of what it controls, by asset.
with ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null
),
books as (
    select asset_id, control, sum(amount) as amount
    from (
        select asset_id, credits - debits as amount,
               case when heading like 'product:%%:accrued' then 'product:*:accrued'
                    else heading end as control
        from ledger_dailytotal where day = (select day from ended)
        union all
        select a.asset_id, -l.amount,
               case when a.heading like 'product:%%:accrued' then 'product:*:accrued'
                    else a.heading end
        from ledger_leg l join ledger_account a on a.id = l.account_id
        where l.day > (select day from ended)
    ) x
    group by asset_id, control
),
accounts as (
    select a.asset_id, a.heading as control, sum(b.credits - b.debits) as amount
    from ledger_account a join ledger_balance b on b.account_id = a.id
    group by a.asset_id, a.heading
),
business as (
    select product.asset_id, 'position:*:principal' as control, 'positions' as against,
           sum(p.principal) as amount
    from earn_position p join earn_product product on product.id = p.product_id
    group by product.asset_id
    union all
    select product.asset_id, 'customer:*:redeeming', 'orders', sum(o.amount)
    from earn_order o join earn_product product on product.id = o.product_id
    where o.state = 'PENDING'
    group by product.asset_id
    union all
    select product.asset_id, 'product:*:accrued', 'accruals', sum(owed.amount)
    from (
        select p.product_id, a.accrued + p.true_up - p.interest_settled as amount
        from earn_accrual a join earn_position p on p.id = a.position_id
        where a.day = %(day)s
        union all
        select p.product_id,
               earn_accrued_on(p.id, p.last_day) + p.true_up - p.interest_settled
        from earn_position p
        where p.interest_due and p.last_day < %(day)s and p.last_day >= p.first_day
    ) owed
    join earn_product product on product.id = owed.product_id
    group by product.asset_id
),
compared as (
    select asset_id, control, 'accounts' as against, amount from accounts
    union all
    select * from business
    union all
    -- what the books hold and nothing of the business stands behind
    select b.asset_id, b.control, k.against, 0
    from books b
    join (values ('position:*:principal', 'positions'), ('customer:*:redeeming', 'orders'),
                 ('product:*:accrued', 'accruals')) k (control, against) using (control)
    where not exists (
        select from business x where x.asset_id = b.asset_id and x.control = b.control
    )
)
select s.code as asset, c.control, c.against, coalesce(b.amount, 0) as books,
       c.amount as subledger
from compared c
join ledger_asset s on s.id = c.asset_id
left join books b on b.asset_id = c.asset_id and b.control = c.control
order by s.code, c.control, c.against
