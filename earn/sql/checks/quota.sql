-- Products with a quota that is not used by exactly the principal of their positions.
with used as (
    select product_id, sum(used) as used, sum(capacity) as capacity
    from earn_quotashard group by product_id
),
held as (
    select product_id, sum(principal) as held from earn_position
    where state = 'OPEN' and product_id in (select id from earn_product where quota is not null)
    group by product_id
)
select p.code as subject,
       format('quota %%s, shards %%s, used %%s, held %%s', p.quota, u.capacity, u.used,
              coalesce(h.held, 0)) as detail
from earn_product p
left join used u on u.product_id = p.id
left join held h on h.product_id = p.id
where p.quota is not null and p.state <> 'DRAFT'
  and (u.used is distinct from coalesce(h.held, 0) or u.capacity is distinct from p.quota
       or u.used > u.capacity)
