-- Entries that touch any of some accounts, newest day first.
-- Of accounts that are not whole, those alone whose note holds what is asked for.
select distinct newest.day, newest.entry_id
from unnest(%(accounts)s::bigint[]) a (id)
cross join lateral (
    select distinct l.day, l.entry_id
    from ledger_leg l
    join ledger_entry e on e.id = l.entry_id
    where l.account_id = a.id and l.day between %(first)s and %(last)s
      and (l.day, l.entry_id) < (%(before_day)s, %(before)s)
      and (%(kind)s::text is null or e.kind = %(kind)s)
      and (%(asset)s::int is null or l.asset_id = %(asset)s)
      and (%(amount)s::numeric is null or l.debit + l.credit = %(amount)s)
      and (%(noted)s::jsonb is null or a.id = any (%(whole)s::bigint[])
           or e.note @> %(noted)s::jsonb)
    order by l.day desc, l.entry_id desc
    limit %(limit)s
) newest
order by newest.day desc, newest.entry_id desc
limit %(limit)s
