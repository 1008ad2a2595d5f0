-- Redemptions that were paid to the wallet just now.
select o.customer_id, 'REDEMPTION_PAID' as kind, 'REDEMPTION_PAID:' || o.id as key,
       coalesce(o.due_on::timestamp at time zone 'UTC', o.at) as at,
       jsonb_build_object('amount', paid.amount) as figures,
       o.product_id, o.position_id, o.id as order_id
from earn_order o
cross join lateral (
    -- interest beside the amount goes to the wallet when it is asked for, not when it is due
    select case when o.due_on is null then o.preview ->> 'received'
                else trim_scale(o.amount)::text end as amount
) paid
where o.id = any (%(orders)s::bigint[]) and paid.amount::numeric > 0
