-- What Django cannot declare on the tables of the business.
alter table earn_position
    add column late_start boolean not null
        generated always as (extract(day from first_day) >= 30) stored,
    add constraint maturity_follows_from_first_day_and_term
        check (matures_on = first_day + term_days),
    add constraint position_has_a_customer foreign key (customer_id) references earn_customer,
    add constraint position_has_a_product foreign key (product_id) references earn_product,
    add constraint position_has_its_chart foreign key (chart_id) references earn_ratechart,
    add constraint position_renews_another foreign key (renews_id) references earn_position;

create table earn_accrual (
    position_id bigint not null,
    chart_id bigint not null,
    day date not null,
    days smallint not null,
    year_basis smallint not null,
    basis numeric not null,
    interest numeric not null,
    accrued numeric not null,
    carry numeric not null,
    primary key (position_id, day)
) partition by range (day);

-- numbers of a row are never so long that they need a place of their own: no TOAST tables
alter table earn_accrual
    alter column basis set storage plain, alter column interest set storage plain,
    alter column accrued set storage plain, alter column carry set storage plain;

create trigger append_only before update or delete on earn_accrual
    for each row execute function ledger_append_only();
create trigger never_truncated before truncate on earn_accrual
    for each statement execute function ledger_append_only();
