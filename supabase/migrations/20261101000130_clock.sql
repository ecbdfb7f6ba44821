-- The engine's clock and its identifiers.
-- Every rule of the engine that compares times calls stepbase_engine.now(). A test moves the time for SQL and workers
-- alike with one row; in production the table is empty.

create table stepbase_engine.clock (
  id boolean primary key default true,
  clock_offset interval not null default '0',
  constraint only_one_row check (id)
);

comment on table stepbase_engine.clock is
  'At most one row: how far the engine''s clock is ahead of the wall clock. Empty outside of tests.';
alter table stepbase_engine.clock enable row level security;

create function stepbase_engine.now()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select clock_timestamp()
    + coalesce((select c.clock_offset from stepbase_engine.clock c), '0'::interval);
$$;

comment on function stepbase_engine.now() is
  'Returns the engine''s current time: the wall clock plus the offset that a test set with advance_clock.';

create function stepbase_engine.advance_clock(p_by interval)
returns timestamptz
language sql
volatile
set search_path = ''
as $$
  insert into stepbase_engine.clock as c (clock_offset) values (p_by)
  on conflict (id) do update set clock_offset = c.clock_offset + excluded.clock_offset;
  select stepbase_engine.now();
$$;

comment on function stepbase_engine.advance_clock(interval) is
  'Moves the engine''s clock forward, for tests only, and returns the new time. Timers become due at the next wake.';

-- Identifiers are UUIDs of version 7: rows of one run are close together in every index, so the cost of an insert
-- does not grow with the table. PostgreSQL 18 has a function for them, older versions do not.
do $do$
begin
  if current_setting('server_version_num')::int >= 180000 then
    execute $sql$
      create function stepbase_engine.new_id() returns uuid
      language sql volatile set search_path = ''
      as 'select uuidv7()';
    $sql$;
  else
    execute $sql$
      create function stepbase_engine.new_id() returns uuid
      language sql volatile set search_path = ''
      as $body$
        select encode(
          set_bit(
            set_bit(
              overlay(
                uuid_send(gen_random_uuid())
                placing substring(
                  int8send(
                    (extract(epoch from clock_timestamp()) * 1000)::bigint
                  ) from 3
                )
                from 1 for 6
              ),
              52, 1
            ),
            53, 1
          ),
          'hex'
        )::uuid;
      $body$;
    $sql$;
  end if;
end;
$do$;

comment on function stepbase_engine.new_id() is
  'Returns a new UUID of version 7 (ordered by time).';
