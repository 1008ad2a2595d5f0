-- Of each asset what deployed coins earned and what interest cost, from after a day to another
select asset_id,
       sum(sign * (credits - debits)) filter (where heading like %(yields)s) as yielded,
       sum(sign * (debits - credits)) filter (where heading like %(interest)s) as interest
from (
    select asset_id, heading, debits, credits, 1 as sign
    from ledger_dailytotal where day = %(last)s
    union all
    select asset_id, heading, debits, credits, -1
    from ledger_dailytotal
    where day = (select max(day) from ledger_dailytotal where day < %(first)s)
) t
where heading like %(yields)s or heading like %(interest)s
group by asset_id
