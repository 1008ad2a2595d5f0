-- Django's cache in the database, shared by all processes: who tries passwords is counted once.
create unlogged table django_cache (
    cache_key varchar(255) primary key,
    value text not null,
    expires timestamptz not null
);
create index django_cache_expires on django_cache (expires);
