-- A sign-in from a device that was not seen before.
select %(customer)s::bigint as customer_id, 'NEW_DEVICE' as kind,
       'NEW_DEVICE:' || %(device)s as key, %(at)s::timestamptz as at,
       jsonb_build_object(
           'browser', %(browser)s::text, 'system', %(system)s::text, 'ip', %(ip)s::text
       ) as figures,
       null::bigint as product_id, null::bigint as position_id, null::bigint as order_id
