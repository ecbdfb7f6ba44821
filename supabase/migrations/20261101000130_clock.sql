-- Time and identifiers of the engine.
-- Every rule of the engine that compares times asks stepbase_engine.now(), so a test moves time for SQL and
-- workers alike by one row; production never has that row.

create table stepbase_engine.clock (
  id boolean primary key default true,
  clock_offset interval not null default '0',
  constraint only_one_row check (id)
);

comment on table stepbase_engine.clock is
'At most one row: how far the engine''s clock is ahead of the wall clock. Empty outside tests.';
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
'The engine''s current time: the wall clock, plus the offset that a test set with stepbase_engine.advance_clock.';

create function stepbase_engine.advance_clock(by_interval interval)
returns timestamptz
language sql
volatile
set search_path = ''
as $$
  insert into stepbase_engine.clock as c (clock_offset) values (by_interval)
  on conflict (id) do update set clock_offset = c.clock_offset + excluded.clock_offset;
  select stepbase_engine.now();
$$;

comment on function stepbase_engine.advance_clock(interval) is
'Moves the engine''s clock (tests only) and returns the new time. Waiting steps become due by the next tick.';

-- Identifiers are UUID version 7: rows of one run stay close together in every index, which is
-- what keeps the insert cost flat as tables grow. PostgreSQL 18 has a built-in, older ones don't.
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

comment on function stepbase_engine.new_id() is 'A new UUID version 7 (time-ordered).';
