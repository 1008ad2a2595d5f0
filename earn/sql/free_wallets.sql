-- Free money in customers' wallets by asset as recorded now: the last ended day and the tail
with ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null
)
select h.asset_id, sum(h.amount)
from (
    select t.asset_id, t.credits - t.debits as amount
    from ledger_dailytotal t
    where t.day = (select day from ended) and t.heading = %(wallets)s
    union all
    select l.asset_id, l.credit - l.debit
    from ledger_leg l
    join ledger_account a on a.id = l.account_id and a.heading = %(wallets)s
    where l.day > (select day from ended)
) h
group by h.asset_id
