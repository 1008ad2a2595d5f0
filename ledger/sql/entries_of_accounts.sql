-- Entries that touch any of some accounts, newest day first.
-- Of accounts that are not whole, those alone whose note holds what is asked for. Entries are
-- looked at one by one as the index gives them, so that nothing is ever sorted whole.
select distinct newest.day, newest.entry_id
from unnest(%(accounts)s::bigint[]) a (id)
cross join lateral (
    (select distinct p.day, p.entry_id
     from ledger_posting p
     where p.debit_id = a.id and p.day between %(first)s and %(last)s
       and (p.day, p.entry_id) < (%(before_day)s, %(before)s)
       and (%(asset)s::int is null or p.asset_id = %(asset)s)
       and (%(amount)s::numeric is null or p.amount = %(amount)s)
       and (%(kind)s::text is null
            or (select e.kind from ledger_entry e where e.id = p.entry_id) = %(kind)s)
       and (%(noted)s::jsonb is null or a.id = any (%(whole)s::bigint[])
            or (select e.note from ledger_entry e where e.id = p.entry_id)
                @> %(noted)s::jsonb)
     order by p.day desc, p.entry_id desc
     limit %(limit)s)
    union all
    (select distinct p.day, p.entry_id
     from ledger_posting p
     where p.credit_id = a.id and p.day between %(first)s and %(last)s
       and (p.day, p.entry_id) < (%(before_day)s, %(before)s)
       and (%(asset)s::int is null or p.asset_id = %(asset)s)
       and (%(amount)s::numeric is null or p.amount = %(amount)s)
       and (%(kind)s::text is null
            or (select e.kind from ledger_entry e where e.id = p.entry_id) = %(kind)s)
       and (%(noted)s::jsonb is null or a.id = any (%(whole)s::bigint[])
            or (select e.note from ledger_entry e where e.id = p.entry_id)
                @> %(noted)s::jsonb)
     order by p.day desc, p.entry_id desc
     limit %(limit)s)
) newest
order by newest.day desc, newest.entry_id desc
limit %(limit)s
