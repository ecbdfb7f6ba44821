-- Schema realtime of a hosted project: the messages table for authorisation and database broadcasts, the publications,
-- and the functions for applications.
-- Run by the bootstrap as the superuser, after the API roles exist. Idempotent.

do $roles$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'supabase_realtime_admin') then
    create role supabase_realtime_admin nologin noinherit;
  end if;
end
$roles$;

grant anon, authenticated, service_role to supabase_realtime_admin;
-- On a hosted project an extension lets `postgres` write policies on realtime.messages; in plain PostgreSQL membership
-- in the owning role has the same effect.
grant supabase_realtime_admin to postgres;
-- The service checks the rights of a caller with the role of the caller.
grant anon, authenticated, service_role to postgres;

create schema if not exists realtime authorization supabase_admin;
comment on schema realtime is 'Channels: authorisation, database broadcasts, change subscriptions';
grant usage on schema realtime to anon, authenticated, service_role, supabase_realtime_admin;
grant usage on schema realtime to postgres with grant option;

-- Messages -------------------------------------------------------------------------------------

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp without time zone not null default now(),
  inserted_at timestamp without time zone not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  constraint messages_pkey primary key (id, inserted_at),
  constraint messages_payload_exclusive check (payload is null or binary_payload is null)
)
partition by range (inserted_at);

comment on table realtime.messages is
  'Database broadcasts, one row for each message; the policies decide who may join a private topic';

create index if not exists messages_inserted_at_topic_index
  on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;

alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;

grant select, insert on realtime.messages to postgres with grant option;
grant update, delete, truncate, references, trigger on realtime.messages to postgres;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

-- Creates partitions for the coming days and drops those older than three days. A definer function, because only the
-- superuser may create tables in this schema.
create or replace function realtime.maintain_messages()
returns void
language plpgsql
security definer
set search_path = ''
as $function$
declare
  partition_day date;
  partition_name text;
  partition record;
begin
  -- One caller at a time: the timer of the server and the cron tick may coincide.
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('realtime.messages', 0)) then
    return;
  end if;

  for day_offset in -1..3 loop
    partition_day := current_date + day_offset;
    partition_name := 'messages_' || pg_catalog.to_char(partition_day, 'YYYY_MM_DD');
    if pg_catalog.to_regclass(pg_catalog.format('realtime.%I', partition_name)) is null then
      execute pg_catalog.format(
        'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
        partition_name, partition_day, partition_day + 1
      );
      execute pg_catalog.format('alter table realtime.%I owner to supabase_realtime_admin', partition_name);
      execute pg_catalog.format('alter table realtime.%I enable row level security', partition_name);
    end if;
  end loop;

  for partition in
    select child.relname
    from pg_catalog.pg_inherits as link
    join pg_catalog.pg_class as child on child.oid = link.inhrelid
    where link.inhparent = 'realtime.messages'::pg_catalog.regclass
      and child.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
      and pg_catalog.to_date(pg_catalog.substr(child.relname, 10), 'YYYY_MM_DD') < current_date - 3
  loop
    execute pg_catalog.format('drop table realtime.%I', partition.relname);
  end loop;
end
$function$;

comment on function realtime.maintain_messages() is
  'Creates the partitions of realtime.messages for the coming days and drops those older than 3 days';
revoke execute on function realtime.maintain_messages() from public;
grant execute on function realtime.maintain_messages() to postgres;

select realtime.maintain_messages();

-- Functions for applications -------------------------------------------------------------------------

create or replace function realtime.topic()
returns text
language sql
stable
as $function$
  select nullif(pg_catalog.current_setting('realtime.topic', true), '');
$function$;

comment on function realtime.topic() is 'The requested topic, for policies on realtime.messages';

create or replace function realtime.send(
  payload jsonb,
  event text,
  topic text,
  private boolean default true
)
returns void
language plpgsql
set search_path = ''
as $function$
declare
  message_id uuid := pg_catalog.gen_random_uuid();
begin
  -- A broadcast that cannot be stored never aborts the transaction of the caller.
  begin
    perform pg_catalog.set_config('realtime.topic', topic, true);

    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
      message_id,
      case
        when payload ? 'id' then payload
        else pg_catalog.jsonb_set(payload, '{id}', pg_catalog.to_jsonb(message_id))
      end,
      event,
      topic,
      private,
      'broadcast'
    );
  exception
    when others then
      raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
  end;
end
$function$;

comment on function realtime.send(jsonb, text, text, boolean) is
  'Broadcasts a JSON message to a topic when the transaction commits';

create or replace function realtime.send_binary(
  payload bytea,
  event text,
  topic text,
  private boolean default true
)
returns void
language plpgsql
set search_path = ''
as $function$
begin
  begin
    perform pg_catalog.set_config('realtime.topic', topic, true);

    insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast');
  exception
    when others then
      raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
  end;
end
$function$;

comment on function realtime.send_binary(bytea, text, text, boolean) is
  'Broadcasts bytes to a topic when the transaction commits';

create or replace function realtime.broadcast_changes(
  topic_name text,
  event_name text,
  operation text,
  table_name text,
  table_schema text,
  new record,
  old record,
  level text default 'ROW'
)
returns void
language plpgsql
set search_path = ''
as $function$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation is null or operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;

  perform realtime.send(
    pg_catalog.jsonb_build_object(
      'schema', table_schema,
      'table', table_name,
      'operation', operation,
      'record', new,
      'old_record', old
    ),
    event_name,
    topic_name
  );
exception
  when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end
$function$;

comment on function realtime.broadcast_changes(text, text, text, text, text, record, record, text) is
  'Broadcasts the changed row to a private topic, for row triggers';

-- To all roles, as on a hosted project: the policies decide what a caller may send or read.
grant execute on function
  realtime.topic(),
  realtime.send(jsonb, text, text, boolean),
  realtime.send_binary(bytea, text, text, boolean),
  realtime.broadcast_changes(text, text, text, text, text, record, record, text)
to public;

-- Change subscriptions -----------------------------------------------------------------------------

do $types$
begin
  if pg_catalog.to_regtype('realtime.equality_op') is null then
    create type realtime.equality_op as enum (
      'eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in',
      'like', 'ilike', 'is', 'match', 'imatch', 'isdistinct'
    );
    alter type realtime.equality_op owner to supabase_realtime_admin;
  end if;
  if pg_catalog.to_regtype('realtime.user_defined_filter') is null then
    create type realtime.user_defined_filter as (
      column_name text,
      op realtime.equality_op,
      value text,
      negate boolean
    );
    alter type realtime.user_defined_filter owner to supabase_realtime_admin;
  end if;
end
$types$;

create or replace function realtime.to_regrole(role_name text)
returns regrole
language sql
immutable
as $function$
  select role_name::pg_catalog.regrole;
$function$;

comment on function realtime.to_regrole(text) is 'A cast for the generated column of realtime.subscription';

create table if not exists realtime.subscription (
  id bigint generated always as identity,
  subscription_id uuid not null,
  entity regclass not null,
  filters realtime.user_defined_filter[] not null default '{}',
  claims jsonb not null,
  claims_role regrole not null generated always as (realtime.to_regrole(claims ->> 'role')) stored,
  created_at timestamp without time zone not null default timezone('utc', now()),
  action_filter text default '*',
  constraint pk_subscription primary key (id),
  constraint subscription_action_filter_check
    check (action_filter in ('*', 'INSERT', 'UPDATE', 'DELETE'))
);

comment on table realtime.subscription is
  'The current change subscriptions of each table, written by the Realtime server';

create index if not exists ix_realtime_subscription_entity on realtime.subscription (entity);
create index if not exists ix_realtime_subscription_subscription_id
  on realtime.subscription (subscription_id);

alter table realtime.subscription owner to supabase_realtime_admin;
grant all on realtime.subscription to postgres;
grant select on realtime.subscription to anon, authenticated, service_role;

-- Publications -------------------------------------------------------------------------------------

do $publications$
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
  -- `alter publication supabase_realtime add table …` is part of an application's migrations.
  alter publication supabase_realtime owner to postgres;

  if not exists (
    select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages_publication'
  ) then
    -- Only inserts, because pruning must not be streamed. Published through the root table, so that new partitions are
    -- included.
    create publication supabase_realtime_messages_publication
      for table realtime.messages
      with (publish = 'insert', publish_via_partition_root = true);
  end if;
end
$publications$;
