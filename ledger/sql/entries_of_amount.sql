-- Entries with a line of just this amount of an asset, newest day first.
select distinct p.day, p.entry_id
from ledger_posting p
where p.asset_id = %(asset)s and p.amount = %(amount)s
  and p.day between %(first)s and %(last)s
  and (p.day, p.entry_id) < (%(before_day)s, %(before)s)
  and (%(kind)s::text is null
       or (select e.kind from ledger_entry e where e.id = p.entry_id) = %(kind)s)
order by p.day desc, p.entry_id desc
limit %(limit)s
