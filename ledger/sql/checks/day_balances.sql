-- Ended days whose stored balances or totals are not what the postings say.
with legs as (
    select account_id, day, sum(debit) debits, sum(credit) credits
    from ledger_leg
    where day <= (select max(day) from ledger_bookday where ended_at is not null)
    group by account_id, day
),
running as (
    select l.account_id, l.day, a.guarded, a.code,
           sum(l.debits) over w as debits, sum(l.credits) over w as credits
    from legs l join ledger_account a on a.id = l.account_id
    window w as (partition by l.account_id order by l.day)
),
heading_moves as (
    select l.day, a.asset_id, a.heading, a.kind,
           sum(l.debits) debits, sum(l.credits) credits
    from legs l join ledger_account a on a.id = l.account_id
    group by 1, 2, 3, 4
),
-- a heading's figures stand until its next movement: check the first and last day of each span
spans as (
    select asset_id, heading, kind, day,
           lead(day) over w as next_day,
           sum(debits) over w as debits, sum(credits) over w as credits
    from heading_moves
    window w as (partition by asset_id, heading, kind order by day)
)
select coalesce(r.code, 'account ' || b.account_id) as subject,
       format('closing balance of %%s is %%s/%%s, postings say %%s/%%s',
              coalesce(r.day, b.day), b.debits, b.credits, r.debits, r.credits) as detail
from (select * from running where guarded) r
full join ledger_balanceday b using (account_id, day)
where r.debits is distinct from b.debits or r.credits is distinct from b.credits
union all
select t.heading, format('total of %%s is %%s/%%s, postings say %%s/%%s',
                         t.day, t.debits, t.credits, s.debits, s.credits)
from ledger_dailytotal t
left join spans s on s.asset_id = t.asset_id and s.heading = t.heading and s.kind = t.kind
    and t.day >= s.day and (t.day < s.next_day or s.next_day is null)
where s.day is null or t.debits <> s.debits or t.credits <> s.credits
union all
select s.heading, format('there is no total of %%s', b.day)
from ledger_bookday b
join spans s on b.day >= s.day and (b.day < s.next_day or s.next_day is null)
left join ledger_dailytotal t
    on t.day = b.day and t.asset_id = s.asset_id and t.heading = s.heading
where b.ended_at is not null and t.day is null
