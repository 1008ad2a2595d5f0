-- Locks the next positions that mature by a morning.
select id from earn_position
where state = 'OPEN' and matures_on <= %(morning)s and id > %(cursor)s
order by id limit %(limit)s for update
