-- Takes the next mails that are due. Whoever dies with them leaves them to a later attempt,
-- and each attempt waits twice as long as the one before: from 5 minutes up to 6 hours.
-- The choice is made once, in an expression of its own: within the WHERE a plan may ask for
-- it several times, and each time take as many again.
with due as materialized (
    select id from earn_notification
    where mail = 'WAITING' and mail_due_at <= %(at)s
    order by mail_due_at, id limit %(limit)s for update skip locked
)
update earn_notification n
set mail_attempts = n.mail_attempts + 1,
    mail_due_at = %(at)s + least(
        interval '5 minutes' * 2 ^ least(n.mail_attempts, 16), interval '6 hours')
from due where n.id = due.id
returning n.id
