-- Locks the next redemptions that fall due by a morning.
select id from earn_order
where state = 'PENDING' and due_on <= %(morning)s and id > %(cursor)s
order by id limit %(limit)s for update
