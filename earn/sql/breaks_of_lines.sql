-- Gives breaks of before their place and moment; of equal open ones, the first stays open.
update earn_break b
set asset_id = l.asset_id, as_of = l.as_of, statement_id = l.statement_id,
    subject = case when l.venue = '' then 'treasury:custody'
                   else 'treasury:deployed:' || l.venue end
from earn_custodyline l
where l.id = b.line_id;

update earn_break b
set resolved_at = greatest(s.at, b.opened_at), resolved_by_id = s.by_id,
    note = 'The same difference as break ' || first.id || '.'
from earn_custodystatement s, (
    select min(id) as id, asset_id, subject, stated - books as difference
    from earn_break where resolved_at is null
    group by asset_id, subject, stated - books
) first
where s.id = b.statement_id and b.resolved_at is null and b.id <> first.id
  and b.asset_id = first.asset_id and b.subject = first.subject
  and b.stated - b.books = first.difference;
