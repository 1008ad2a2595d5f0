-- N open positions over the products of catalogue.sql.
insert into earn_customer (uuid, country, kyc_level, frozen_in, frozen_out)
select gen_random_uuid(), '', 0, false, false
from generate_series(0, %(n)s / %(products)s);

insert into earn_position (customer_id, product_id, chart_id, term_days, state,
    principal, opened_at, first_day, last_day, matures_on, touched_on, compounds,
    interest_settled, interest_paid, true_up, interest_due, clawed_back,
    at_maturity, outcome)
select (select min(id) from earn_customer) + i / %(products)s, p.id,
       case when p.kind = 'FIXED' then c.id end,
       case when p.kind = 'FIXED' then 365 end, 'OPEN',
       round((10 ^ (i %% 5))::numeric * (1 + (i::bigint * 7919 %% 1000) / 1000.0), 6),
       %(opened)s, %(first)s,
       case when p.kind = 'FIXED' then %(first)s::date + 364 end,
       case when p.kind = 'FIXED' then %(first)s::date + 365 end,
       %(first)s::date - 1, p.compounding = 'DAILY', 0, 0, 0, false, 0, 'PAY_OUT', ''
from generate_series(1, %(n)s) i
join earn_product p
  on p.id = (select min(id) from earn_product) + i::bigint * 104729 %% %(products)s
join earn_ratechart c on c.product_id = p.id
order by i;
