-- Locks the next positions that were left before their last days were closed.
select id from earn_position
where interest_due and last_day <= %(day)s and id > %(cursor)s
order by id limit %(limit)s for update
