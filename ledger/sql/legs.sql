-- The journal as accountants read it: each posting as its two legs, debit positive.
create view ledger_leg as
select entry_id, line, day, asset_id, debit_id as account_id, credit_id as counter_id,
       amount as debit, 0::numeric as credit, amount
from ledger_posting
union all
select entry_id, line, day, asset_id, credit_id, debit_id, 0, amount, -amount
from ledger_posting;
