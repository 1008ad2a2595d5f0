-- Tells each customer once, where they want it; the news are what another file here selects.
with news as (
    /* news */
)
insert into earn_notification (
    customer_id, kind, key, at, figures, product_id, position_id, order_id, in_portal, mail,
    mail_due_at, mail_attempts, mail_problem)
select n.customer_id, n.kind, n.key, n.at, n.figures, n.product_id, n.position_id,
       n.order_id, wish.in_portal, case when wish.by_mail then 'WAITING' else 'NONE' end,
       greatest(n.at, %(told_at)s::timestamptz), 0, ''
from news n
join earn_customer c on c.id = n.customer_id
-- who does not sign in is told by the surrounding platform, and has no address here
left join earn_user u on u.id = c.user_id and u.is_active
left join earn_notificationpreference w on w.customer_id = n.customer_id and w.kind = n.kind
cross join lateral (
    select coalesce(w.in_portal, true) as in_portal,
           u.id is not null and coalesce(w.by_mail, true) as by_mail
) wish
where wish.in_portal or wish.by_mail
on conflict (customer_id, key) do nothing
