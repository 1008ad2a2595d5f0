-- Accrual rows whose basis is not the lowest balance of their day by the journal.
with account as (
    select a.id, split_part(a.code, ':', 2)::bigint as position_id
    from ledger_account a where a.heading = 'position:*:principal'
),
principal as (
    select k.position_id, l.entry_id, -sum(l.amount) as moved
    from ledger_leg l join account k on k.id = l.account_id
    group by 1, 2
),
-- interest that left a compounding position: by its orders, or paid by a close
settled as (
    select o.position_id, o.entry_id, o.interest_settled as amount
    from earn_order o
    where o.interest_settled <> 0
    union all
    select (e.note ->> 'position')::bigint, e.id, p.amount
    from ledger_entry e
    join ledger_posting p on p.entry_id = e.id
    join ledger_account d on d.id = p.debit_id and d.code like 'product:%%:accrued'
    where e.kind = 'PAY'
),
movement as (
    select position_id, e.day, e.happened_at, entry_id, e.kind in ('MATURE', 'PAY') as opens,
           sum(moved) as moved
    from (
        select position_id, entry_id, moved from principal
        union all
        select s.position_id, s.entry_id, -s.amount
        from settled s join earn_position p on p.id = s.position_id and p.compounds
    ) m
    join ledger_entry e on e.id = m.entry_id
    group by 1, 2, 3, 4, 5
),
running as (
    select position_id, day, opens,
           sum(moved) over (partition by position_id
                            order by day, opens desc, happened_at, entry_id) as balance
    from movement
),
-- per day with movements: balance after the close's own, lowest and last after the rest
moved_day as (
    select position_id, day, min(balance) filter (where not opens) as lowest,
           (array_agg(balance) filter (where opens))[count(*) filter (where opens)] as opening
    from running group by position_id, day
),
last_of_day as (
    select *, lead(day) over (partition by position_id order by day) as next_day
    from (
        select distinct on (position_id, day) position_id, day, balance
        from (
            select position_id, day, balance,
                   row_number() over (partition by position_id) as n from running
        ) x
        order by position_id, day, n desc
    ) y
),
-- days on which a customer's money earns nothing, whatever is there
paused as materialized (
    select p.customer_id, d.day
    from earn_earningpause p
    join earn_dayclose d
        on d.day >= p.from_day and (p.until_day is null or d.day <= p.until_day)
),
row_basis as (
    select a.position_id, p.customer_id, a.day, a.basis,
           case when p.compounds
                then coalesce(lag(a.accrued) over (
                    partition by a.position_id order by a.day), 0)
                else 0 end as interest_before,
           p.compounds
    from earn_accrual a join earn_position p on p.id = a.position_id
)
select format('position %%s on %%s', r.position_id, r.day) as subject,
       format('basis %%s, the journal shows %%s', r.basis,
              expected.basis) as detail
from row_basis r
left join moved_day m on m.position_id = r.position_id and m.day = r.day
left join last_of_day l on l.position_id = r.position_id and l.day < r.day
    and (l.next_day is null or l.next_day >= r.day)
cross join lateral (select coalesce(m.opening, l.balance, 0) as balance) opening
cross join lateral (
    select case when (r.customer_id, r.day) in (select customer_id, day from paused) then 0
                else r.interest_before + least(opening.balance, m.lowest) end as basis
) expected
where r.basis <> expected.basis
