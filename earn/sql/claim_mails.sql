-- Takes the next mails that are due. Whoever dies with them leaves them to a later attempt,
-- and each attempt waits twice as long as the one before: from 5 minutes up to 6 hours.
update earn_notification
set mail_attempts = mail_attempts + 1,
    mail_due_at = %(at)s + least(
        interval '5 minutes' * 2 ^ least(mail_attempts, 16), interval '6 hours')
where id in (
    select id from earn_notification
    where mail = 'WAITING' and mail_due_at <= %(at)s
    order by mail_due_at, id limit %(limit)s for update skip locked
)
returning id
