-- Terms that were settled just now: paid out as was asked, gone on, or not gone on.
select p.customer_id,
       case when p.outcome = 'PAY_OUT' then 'MATURED' when p.outcome = p.at_maturity
            then 'RENEWED' else 'NOT_RENEWED' end as kind,
       'MATURED:' || p.id as key, p.closed_at as at,
       jsonb_strip_nulls(jsonb_build_object(
           'outcome', p.outcome,
           'principal', trim_scale(s.principal)::text,
           'interest', trim_scale(s.interest)::text,
           'moved', trim_scale(s.moved)::text,
           'annual_rate', trim_scale(s.annual_rate)::text,
           'minimum_rate', trim_scale(p.minimum_renewal_rate)::text,
           'term_days', target.term_days::text,
           'matures_on', target.matures_on)) as figures,
       p.product_id, coalesce(target.id, p.id) as position_id, null::bigint as order_id
from unnest(
    %(positions)s::bigint[], %(principals)s::numeric[], %(interests)s::numeric[],
    %(moved)s::numeric[], %(annual_rates)s::numeric[], %(targets)s::bigint[]
) as s (position_id, principal, interest, moved, annual_rate, target_id)
join earn_position p on p.id = s.position_id
left join earn_position target on target.id = s.target_id
