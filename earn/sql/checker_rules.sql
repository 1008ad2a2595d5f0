-- Who proposes and who judges has the role for it, and nobody decides later than the clock.

-- Whether an active member of staff has a right of ours, by a role or alone.
create function earn_may(p_user bigint, p_right text) returns boolean
language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select exists (
        select from earn_user u
        where u.id = p_user and u.is_staff and u.is_active and (
            u.is_superuser
            or exists (
                select from auth_permission p
                join django_content_type t on t.id = p.content_type_id
                where t.app_label = 'earn' and p.codename = p_right and (
                    exists (
                        select from earn_user_user_permissions own
                        where own.user_id = u.id and own.permission_id = p.id)
                    or exists (
                        select from earn_user_groups g
                        join auth_group_permissions role on role.group_id = g.group_id
                        where g.user_id = u.id and role.permission_id = p.id))))
    )
$$;

-- Clocks of two machines differ a little; calendars may be played in the past.
create function earn_is_ahead(p_at timestamptz) returns boolean
language sql volatile set search_path = pg_catalog, public, pg_temp as $$
    select p_at > clock_timestamp() + interval '5 minutes'
$$;

create function earn_proposal_by_staff() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if not earn_may(new.maker_id, 'make_proposal') then
            perform ledger_refuse('makers_have_their_role',
                'a proposal is made by staff whose role allows it');
        end if;
        if earn_is_ahead(new.made_at) then
            perform ledger_refuse('nothing_is_decided_ahead_of_the_clock',
                'a proposal is not made in the future');
        end if;
    elsif new.decided_at < new.made_at - interval '5 minutes' or earn_is_ahead(new.decided_at) then
        perform ledger_refuse('nothing_is_decided_ahead_of_the_clock',
            'a proposal is decided after it was made, and not in the future');
    end if;
    return new;
end $$;

create function earn_verdict_by_staff() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if not earn_may(new.checker_id, 'check_proposal') then
        perform ledger_refuse('checkers_have_their_role',
            'a verdict is said by staff whose role allows it');
    end if;
    if earn_is_ahead(new.at) then
        perform ledger_refuse('nothing_is_decided_ahead_of_the_clock',
            'a verdict is not said in the future');
    end if;
    return new;
end $$;

create trigger proposal_by_staff before insert or update on earn_proposal
    for each row execute function earn_proposal_by_staff();
create trigger verdict_by_staff before insert on earn_verdict
    for each row execute function earn_verdict_by_staff();
