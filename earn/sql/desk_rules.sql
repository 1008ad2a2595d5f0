-- Four eyes, limits, and a trail that nobody edits.

alter table earn_verdict
    add constraint verdict_knows_the_maker
        foreign key (proposal_id, maker_id) references earn_proposal (id, maker_id);

-- What an operation has moved of an asset on the UTC day of a moment.
create function earn_moved_on_day(p_operation text, p_asset bigint, p_at timestamptz)
returns numeric language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(sum(amount), 0) from earn_proposal
    where state = 'DONE' and amount is not null
      and operation = p_operation and asset_id = p_asset
      and decided_at >= date_trunc('day', p_at at time zone 'UTC') at time zone 'UTC'
      and decided_at < (date_trunc('day', p_at at time zone 'UTC') + interval '1 day')
                       at time zone 'UTC'
$$;

create function earn_check_limit(p_proposal earn_proposal) returns void language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    most earn_operationlimit;
begin
    -- locked, so that two approvals at once see each other
    select * into most from earn_operationlimit
    where operation = p_proposal.operation and asset_id = p_proposal.asset_id for update;
    if not found then
        return;
    end if;
    if p_proposal.amount > most.at_once then
        perform ledger_refuse('within_the_limit_at_once',
            format('the limit of one operation is %s', trim_scale(most.at_once)));
    end if;
    if p_proposal.amount + earn_moved_on_day(
        p_proposal.operation, p_proposal.asset_id, p_proposal.decided_at
    ) > most.a_day then
        perform ledger_refuse('within_the_limit_of_a_day',
            format('the limit of a day is %s', trim_scale(most.a_day)));
    end if;
end $$;

create function earn_proposal_written() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'WAITING' then
            perform ledger_refuse('proposals_begin_waiting', 'a proposal begins waiting');
        end if;
        return new;
    end if;
    if old.state <> 'WAITING' then
        perform ledger_refuse('proposals_are_decided_once',
            'a proposal that is decided stays as it is');
    end if;
    if row(new.id, new.key, new.operation, new.maker_id, new.made_at, new.expires_at,
           new.reason, new.request, new.subject, new.effect, new.asset_id, new.amount,
           new.checkers_needed)
        is distinct from
       row(old.id, old.key, old.operation, old.maker_id, old.made_at, old.expires_at,
           old.reason, old.request, old.subject, old.effect, old.asset_id, old.amount,
           old.checkers_needed) then
        perform ledger_refuse('proposals_are_immutable',
            'what is proposed never changes: withdraw it and propose anew');
    end if;
    if new.state = 'DONE' then
        if new.decided_at >= new.expires_at then
            perform ledger_refuse('expired_proposals_are_not_done',
                'this proposal has expired: propose it anew');
        end if;
        if new.checkers_needed > (
            select count(*) from earn_verdict where proposal_id = new.id and approves
        ) or exists (
            select from earn_verdict where proposal_id = new.id and not approves
        ) then
            perform ledger_refuse('nothing_is_done_without_its_checkers',
                'a proposal is carried out once its checkers have approved it');
        end if;
        if new.amount is not null then
            perform earn_check_limit(new);
        end if;
    end if;
    return new;
end $$;

create trigger proposal_written before insert or update on earn_proposal
    for each row execute function earn_proposal_written();
create trigger append_only before delete on earn_proposal
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_proposal
    for each statement execute function ledger_append_only();
create trigger append_only before update or delete on earn_verdict
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_verdict
    for each statement execute function ledger_append_only();
create trigger append_only before update or delete on earn_auditevent
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_auditevent
    for each statement execute function ledger_append_only();
