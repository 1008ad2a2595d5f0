-- Debits and credits of every heading at a moment: the last ended day plus the tail since.
with ended as (
    select coalesce(max(day), date '-infinity') as day
    from ledger_bookday where ended_at is not null and day < %(day)s
)
select s.code as asset, h.heading, h.kind, sum(h.debits) as debits, sum(h.credits) as credits
from (
    select asset_id, heading, kind, debits, credits
    from ledger_dailytotal
    where day = (select day from ended)
      and (%(asset)s::int is null or asset_id = %(asset)s)
    union all
    select a.asset_id, a.heading, a.kind, l.debit, l.credit
    from ledger_leg l
    join ledger_entry e on e.id = l.entry_id and e.happened_at <= %(at)s
    join ledger_account a on a.id = l.account_id
    where l.day > (select day from ended) and l.day <= %(day)s
      and (%(asset)s::int is null or l.asset_id = %(asset)s)
) h
join ledger_asset s on s.id = h.asset_id
group by s.code, h.heading, h.kind
order by s.code, h.heading
