-- Products whose control account of interest owed is not the sum over their positions.
with owed as (
    select p.product_id, a.accrued + p.true_up - p.interest_settled as amount
    from earn_accrual a join earn_position p on p.id = a.position_id
    where a.day = %(day)s
    union all
    select p.product_id, earn_accrued_on(p.id, p.last_day) + p.true_up - p.interest_settled
    from earn_position p
    where p.interest_due and p.last_day < %(day)s and p.last_day >= p.first_day
),
by_product as (
    select product_id, sum(amount) as amount from owed group by product_id
),
ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null
),
books as (
    select asset_id, heading, sum(amount) as amount
    from (
        select asset_id, heading, credits - debits as amount
        from ledger_dailytotal where day = (select day from ended)
        union all
        select a.asset_id, a.heading, -l.amount
        from ledger_leg l join ledger_account a on a.id = l.account_id
        where l.day > (select day from ended)
    ) x
    where heading like 'product:%%:accrued'
    group by asset_id, heading
)
select p.code as subject,
       format('the books owe %%s, the positions are owed %%s', coalesce(b.amount, 0),
              coalesce(o.amount, 0)) as detail
from earn_product p
left join by_product o on o.product_id = p.id
left join books b on b.asset_id = p.asset_id and b.heading = 'product:' || p.code || ':accrued'
where coalesce(b.amount, 0) <> coalesce(o.amount, 0)
