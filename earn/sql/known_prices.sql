-- A moment by which every price that bears it or an earlier one can be seen.
select clock_timestamp() - interval '1 microsecond' from pg_advisory_xact_lock(7305, 0)
