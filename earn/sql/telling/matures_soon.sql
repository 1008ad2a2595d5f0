-- Terms that run on a morning and mature on a date.
select p.customer_id, %(kind)s::text as kind, %(kind)s || ':' || p.id as key,
       %(morning)s::date::timestamp at time zone 'UTC' as at,
       jsonb_build_object(
           'principal', trim_scale(p.principal)::text,
           'matures_on', p.matures_on,
           'at_maturity', p.at_maturity) as figures,
       p.product_id, p.id as position_id, null::bigint as order_id
from earn_position p
-- what was bought later, while the close was late, is told of by its own close
where p.state = 'OPEN' and p.matures_on = %(matures_on)s and p.first_day <= %(morning)s
