-- What happened to a customer, newest first: postings, and orders that moved nothing.
with account as materialized (
    select a.id, a.code,
           case a.heading
               when %(wallets)s then 'WALLET'
               when %(redeeming)s then 'REDEEMING'
               else case when p.term_days is null then 'FLEXIBLE' else 'FIXED' end
           end as role,
           p.id as position_id
    from ledger_account a
    left join earn_position p
        on p.id = case a.heading when %(principals)s then split_part(a.code, ':', 2)::bigint end
    where a.owner = %(owner)s
      and (%(asset)s::int is null or a.asset_id = %(asset)s)
),
rule as materialized (
    select * from unnest(
        %(kinds)s::text[], %(froms)s::text[], %(tos)s::text[], %(types)s::text[]
    ) as rule (kind, role_from, role_to, type)
),
posted as (
    -- of each account the newest ones of either side: what is older cannot be on this page
    select distinct found.*
    from account mine
    cross join (values (true), (false)) as side (debit)
    cross join lateral (
        select e.happened_at as at, e.recorded_at, 1 as source, e.id as number, x.line, x.day,
               coalesce(rule.type, case when e.reverses_id is null then 'ADJUSTMENT'
                                        else 'CORRECTION' end) as type,
               x.asset_id, x.amount, x.role_from, x.role_to,
               (e.note ->> 'order')::bigint as order_id,
               coalesce((e.note ->> 'position')::bigint, x.position_from, x.position_to)
                   as position_id,
               x.position_from, x.position_to, x.debit_id, x.credit_id
        from (
            select p.entry_id, p.line, p.day, p.asset_id, p.amount, p.debit_id, p.credit_id,
                   mine.role as role_from, coalesce(other.role, 'HOUSE') as role_to,
                   mine.position_id as position_from, other.position_id as position_to
            from ledger_posting p left join account other on other.id = p.credit_id
            where side.debit and p.debit_id = mine.id
              and p.day between %(first)s and %(last)s
            union all
            select p.entry_id, p.line, p.day, p.asset_id, p.amount, p.debit_id, p.credit_id,
                   coalesce(other.role, 'HOUSE'), mine.role,
                   other.position_id, mine.position_id
            from ledger_posting p left join account other on other.id = p.debit_id
            where not side.debit and p.credit_id = mine.id
              and p.day between %(first)s and %(last)s
        ) x
        join ledger_entry e on e.id = x.entry_id
        left join rule on rule.kind = e.kind
                      and rule.role_from = x.role_from and rule.role_to = x.role_to
        where (%(before)s::timestamptz is null
               or (e.happened_at, 1, e.id, x.line::int)
                  < (%(before)s, %(source)s, %(number)s, %(line)s))
          and (%(wanted)s::text[] is null
               or coalesce(rule.type, case when e.reverses_id is null then 'ADJUSTMENT'
                                           else 'CORRECTION' end) = any (%(wanted)s))
          and (%(position)s::bigint is null or %(position)s in (
               (e.note ->> 'position')::bigint, x.position_from, x.position_to))
          and (%(product)s::bigint is null or exists (
               select from earn_position p
               where p.product_id = %(product)s and p.id in (
                   (e.note ->> 'position')::bigint, x.position_from, x.position_to)))
        order by x.day desc
        fetch first (%(limit)s) rows with ties
    ) found
),
ordered as (
    select o.at, o.at as recorded_at, 0 as source, o.id as number, 0 as line,
           case o.state when 'REFUSED' then 'ORDER_REFUSED' else 'INSTRUCTION_CHANGED' end
               as type,
           coalesce(product.asset_id, asset.id) as asset_id,
           coalesce(o.amount, case when jsonb_typeof(o.request -> 'amount') = 'string'
                                   then (o.request ->> 'amount')::numeric end) as amount,
           'HOUSE' as role_from, 'HOUSE' as role_to, o.kind as order_kind, o.id as order_id, p.id as position_id,
           product.id as product_id
    from earn_order o
    left join earn_order of_it
        on of_it.id = (o.request ->> 'order')::bigint and of_it.customer_id = o.customer_id
    left join earn_position p
        on p.id = coalesce(o.position_id, of_it.position_id,
                           (o.request ->> 'position')::bigint)
       and p.customer_id = o.customer_id
    left join earn_product product
        on product.id = coalesce(o.product_id, of_it.product_id, p.product_id)
        or o.product_id is null and product.code = o.request ->> 'product'
    left join ledger_asset asset on asset.code = o.request ->> 'asset'
    where o.customer_id = %(customer)s and o.entry_id is null
      and (o.state = 'REFUSED' or o.kind = 'INSTRUCT')
      and (o.at at time zone 'UTC')::date between %(first)s and %(last)s
)
select x.at, x.recorded_at, x.source, x.number, x.line, x.type, x.asset_id, asset.code as asset,
       asset.scale, x.amount, x.role_from, x.role_to, x.order_kind, x.order_id, x.position_id,
       product.id as product_id, product.code as product,
       debit.code as account_from, credit.code as account_to
from (
    select at, recorded_at, source, number, line, type, asset_id, amount, role_from, role_to,
           null as order_kind, order_id, position_id, null::bigint as product_id,
           debit_id, credit_id
    from posted
    union all
    select at, recorded_at, source, number, line, type, asset_id, amount, role_from, role_to,
           order_kind, order_id, position_id, product_id, null, null
    from ordered
    where (%(before)s::timestamptz is null
           or (at, source, number, line)
              < (%(before)s, %(source)s, %(number)s, %(line)s))
      and (%(wanted)s::text[] is null or type = any (%(wanted)s))
      and (%(asset)s::int is null or asset_id = %(asset)s)
      and (%(position)s::bigint is null or position_id = %(position)s)
      and (%(product)s::bigint is null or product_id = %(product)s)
    order by at desc, source desc, number desc, line desc
    limit %(limit)s
) x
left join earn_position p on p.id = x.position_id
left join earn_product product on product.id = coalesce(x.product_id, p.product_id)
left join ledger_asset asset on asset.id = x.asset_id
left join ledger_account debit on debit.id = x.debit_id
left join ledger_account credit on credit.id = x.credit_id
order by x.at desc, x.source desc, x.number desc, x.line desc
limit %(limit)s
