-- Debits and credits of accounts at a moment: the last ended day plus the tail since.
with ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null and day < %(day)s
)
select a.code, a.kind,
       coalesce(base.debits, 0) + coalesce(tail.debits, 0) as debits,
       coalesce(base.credits, 0) + coalesce(tail.credits, 0) as credits
from ledger_account a
cross join ended
left join lateral (
    (select debits, credits from ledger_balanceday b
     where a.guarded and b.account_id = a.id and b.day <= ended.day
     order by b.day desc limit 1)
    union all
    select debits, credits from ledger_dailytotal t
    where not a.guarded and t.day = ended.day
      and t.asset_id = a.asset_id and t.heading = a.code
) base on true
left join lateral (
    select sum(l.debit) debits, sum(l.credit) credits
    from ledger_leg l
    join ledger_entry e on e.id = l.entry_id
    where l.account_id = a.id and l.day <= %(day)s and l.day > ended.day
      and e.happened_at <= %(at)s
) tail on true
where a.asset_id = %(asset)s and a.code = any (%(codes)s)
