-- Locks the next positions whose product pays interest to the wallet on a day: open ones, and
-- those that left while later days were not closed, for what is paid compounds no longer.
select p.id, a.accrued
from earn_position p
join earn_product product on product.id = p.product_id and product.payout = any (%(payouts)s)
join earn_accrual a on a.position_id = p.id and a.day = %(day)s
where (p.state = 'OPEN' or p.interest_due and p.compounds and p.last_day > %(day)s)
  and a.accrued + p.true_up > p.interest_settled and p.id > %(cursor)s
order by p.id limit %(limit)s for update of p
