-- Accounts that anything was posted to by the end of a day, with the assets they hold.
select a.kind, a.code, array_agg(s.code order by s.code) as assets
from ledger_account a
join ledger_asset s on s.id = a.asset_id
where exists (
    select from ledger_posting p where p.debit_id = a.id and p.day <= %(last)s
) or exists (
    select from ledger_posting p where p.credit_id = a.id and p.day <= %(last)s
)
group by a.kind, a.code
order by a.kind, a.code
