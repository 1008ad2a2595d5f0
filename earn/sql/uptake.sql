-- Open positions of products: how many, of how many customers, with how much principal
select product_id, sum(positions)::bigint, max(holders)::bigint, sum(principal)
from (
    select product_id, count(*) as positions, count(*) as holders,
           sum(principal) as principal
    from earn_position
    where product_id = any(%(products)s) and state = 'OPEN' and term_days is null
    group by product_id
    union all
    select product_id, count(*), count(distinct customer_id), sum(principal)
    from earn_position
    where product_id = any(%(products)s) and state = 'OPEN' and term_days is not null
    group by product_id
) kind
group by product_id
