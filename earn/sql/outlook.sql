-- Keeps what a closed day tells of each asset: flexible money, what left it, interest paid out
insert into earn_outlook (day, asset_id, flexible, redeemed, paid_interest)
select %(day)s, s.id, coalesce(earned.flexible, 0), coalesce(redeemed.amount, 0),
       coalesce(earned.paid_interest, 0)
from ledger_asset s
left join (
    select p.asset_id, sum(a.basis) filter (where p.kind = 'FLEXIBLE') as flexible,
           sum(a.interest) filter (where p.payout in ('DAILY', 'MONTHLY')) as paid_interest
    from (
        select chart_id, sum(basis) as basis, sum(interest) as interest
        from earn_accrual where day = %(day)s group by chart_id
    ) a
    join earn_ratechart c on c.id = a.chart_id
    join earn_product p on p.id = c.product_id
    group by p.asset_id
) earned on earned.asset_id = s.id
left join (
    select x.asset_id, sum(x.amount) as amount
    from ledger_posting x
    join ledger_entry e on e.id = x.entry_id and e.kind = 'REDEEM'
    join ledger_account a on a.id = x.debit_id and a.heading = %(principals)s
    join earn_position p
        on p.id = split_part(a.code, ':', 2)::bigint and p.term_days is null
    where x.day = %(day)s
    group by x.asset_id
) redeemed on redeemed.asset_id = s.id
