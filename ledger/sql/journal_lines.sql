-- Lines of the journal between two days, entry by entry in the order of days.
select e.id, e.key, e.kind, e.day, e.happened_at, e.recorded_at, e.note::text, e.reverses_id,
       p.line, s.code as asset, s.scale, d.kind as debit_kind, d.code as debit,
       c.kind as credit_kind, c.code as credit, p.amount
from ledger_entry e
join ledger_posting p on p.entry_id = e.id
join ledger_asset s on s.id = p.asset_id
join ledger_account d on d.id = p.debit_id
join ledger_account c on c.id = p.credit_id
where e.day between %(first)s and %(last)s
order by e.day, e.id, p.line
