-- Takes the key of an order; no row when it is taken already.
insert into earn_order (customer_id, key, kind, request, at, state, interest_settled)
values (%s, %s, %s, %s::jsonb, %s, 'DONE', 0)
on conflict (customer_id, key) do nothing
returning id
