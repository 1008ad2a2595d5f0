-- Ended positions that were not paid or did not forfeit exactly what they had accrued.
select 'position ' || p.id as subject,
       format('accrued %%s and %%s by rounding, settled %%s', coalesce(a.accrued, 0), p.true_up,
              p.interest_settled) as detail
from earn_position p
left join earn_accrual a on a.position_id = p.id and a.day = p.last_day
where p.state <> 'OPEN' and not p.interest_due
  and coalesce(a.accrued, 0) + p.true_up <> p.interest_settled
