-- Gaps between closed days, and closed days that are not ended or not sealed.
select 'day ' || d.day as subject,
       case
           when d.previous <> d.day - 1 then 'the day before it was not closed'
           when d.stage <> 'CLOSED' and d.next is not null then 'a later day was closed first'
           when b.ended_at is null then 'its books are not ended'
           else 'it is not sealed'
       end as detail
from (
    select day, stage, lag(day) over (order by day) as previous,
           lead(day) over (order by day) as next
    from earn_dayclose
) d
left join ledger_bookday b on b.day = d.day
left join ledger_seal s on s.day = d.day
where d.previous <> d.day - 1
   or (d.stage <> 'CLOSED' and d.next is not null)
   or (d.stage = 'CLOSED' and (b.ended_at is null or s.day is null))
