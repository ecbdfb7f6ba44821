-- Quotas of runs: how many runs of an application may be open, how many child runs one root run may have, and how many
-- bytes an application may store before it starts another run. Counting reads the runs themselves, up to the limit;
-- there is no counter row that every start would have to lock.

create table stepbase_engine.full_apps (
  app_code text primary key references stepbase.applications (app_code) on delete cascade,
  since timestamptz not null
);

comment on table stepbase_engine.full_apps is
  'Applications that reached max_open_runs or max_stored_bytes: each start checks both until it finds room.';

alter table stepbase_engine.full_apps enable row level security;

create table stepbase_engine.app_storage (
  app_code text primary key references stepbase.applications (app_code) on delete cascade,
  bytes bigint not null,
  measured_at timestamptz not null
);

comment on table stepbase_engine.app_storage is
  'Estimated bytes of the rows of each application, without indexes; maintain() measures them every ten minutes.';

alter table stepbase_engine.app_storage enable row level security;

create function stepbase_engine.measure_storage(p_every interval default '10 minutes')
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  -- Of a table of any size, about 16 MB are read. Values outside of the row are not read, only their sizes.
  v_sample_bytes constant numeric := 16777216;
  v_samples text;
  v_count int;
begin
  if exists (select 1 from stepbase_engine.app_storage s where s.measured_at > v_now - p_every) then
    return 0;
  end if;
  select string_agg(
    format(
      'select t.app_code, sum(24 + %s) * %s as bytes from %s t tablesample system (%s) group by t.app_code',
      c.sizes, 100 / c.percent, c.id::regclass, c.percent
    ),
    ' union all '
  )
  into strict v_samples
  from (
    select
      r.oid as id,
      least(100, round(100 * v_sample_bytes / greatest(pg_relation_size(r.oid), 1), 6)) as percent,
      (
        select string_agg(format('coalesce(pg_column_size(t.%I), 0)', a.attname), ' + ' order by a.attnum)
        from pg_attribute a
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      ) as sizes
    from pg_class r
    where r.relnamespace = 'stepbase'::regnamespace
      and r.relkind = 'r'
      and exists (
        select 1 from pg_attribute a where a.attrelid = r.oid and a.attname = 'app_code' and not a.attisdropped
      )
  ) c;
  execute format(
    'insert into stepbase_engine.app_storage as s (app_code, bytes, measured_at)
    select a.app_code, coalesce(sum(m.bytes), 0)::bigint, $1
    from stepbase.applications a
    left join (
      %s
      union all
      select o.app_code, sum(o.size_bytes) from stepbase_engine.stored_outputs o group by o.app_code
    ) m on m.app_code = a.app_code
    group by a.app_code
    on conflict (app_code) do update set bytes = excluded.bytes, measured_at = excluded.measured_at',
    v_samples
  )
  using v_now;
  get diagnostics v_count = row_count;
  insert into stepbase_engine.full_apps (app_code, since)
  select s.app_code, v_now
  from stepbase_engine.app_storage s
  join stepbase.app_quotas q on q.app_code = s.app_code
  where s.bytes >= q.max_stored_bytes
  on conflict do nothing;
  return v_count;
end;
$$;

comment on function stepbase_engine.measure_storage(interval) is
  'Estimates the stored bytes of every application from a sample of each table and the sizes of its stored outputs, and '
  'marks applications that reached max_stored_bytes. Returns the number of applications; 0 if the last measurement is '
  'more recent than p_every.';

create function stepbase_engine.check_open_runs(p_app_code text)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_limit int;
  v_is_full boolean;
  v_open int;
  v_stored bigint;
  v_max_stored bigint;
begin
  select q.max_open_runs, f.app_code is not null, s.bytes, q.max_stored_bytes
  into v_limit, v_is_full, v_stored, v_max_stored
  from stepbase.app_quotas q
  left join stepbase_engine.app_storage s on s.app_code = q.app_code
  left join stepbase_engine.full_apps f on f.app_code = q.app_code
  where q.app_code = p_app_code;
  if v_limit is null then
    return;
  end if;
  if v_stored >= v_max_stored then
    perform stepbase_private.raise_error(
      'limit_reached',
      format('The application stores %s bytes, and its quota is %s; shorten the retention or ask the operator',
        v_stored, v_max_stored),
      jsonb_build_object('quota', 'max_stored_bytes', 'limit', v_max_stored)
    );
  end if;
  select count(*) into v_open
  from (
    select 1 from stepbase.runs r
    where r.app_code = p_app_code and r.status in ('pending', 'running', 'paused')
    limit v_limit
  ) r;
  if v_open < v_limit then
    if v_is_full then
      delete from stepbase_engine.full_apps f
      where f.app_code in (
        select g.app_code from stepbase_engine.full_apps g where g.app_code = p_app_code for update skip locked
      );
    end if;
    return;
  end if;
  if v_is_full or v_limit <= 100 then
    perform stepbase_private.raise_error(
      'limit_reached', format('The application has %s open runs, its quota', v_limit),
      jsonb_build_object('quota', 'max_open_runs', 'limit', v_limit)
    );
  end if;
  -- An error would undo the mark, so this start still succeeds. The lock keeps two transactions from waiting for
  -- each other's row.
  if pg_try_advisory_xact_lock(hashtextextended('stepbase.full_apps:' || p_app_code, 0)) then
    insert into stepbase_engine.full_apps (app_code, since)
    values (p_app_code, stepbase_engine.now())
    on conflict do nothing;
  end if;
end;
$$;

comment on function stepbase_engine.check_open_runs(text) is
  'Raises SB429 limit_reached if an application has max_open_runs open runs or stores max_stored_bytes. start_run calls it for a sample of the '
  'runs, and for every run of an application with a small quota or in full_apps.';

create function stepbase_engine.descendants_left(p_trace_id text, p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  -- The root and its descendants have one trace id. A caller may choose it, so runs of other apps can have it, too.
  select q.max_descendants + 1 - (
    select count(*)::int
    from (
      select 1 from stepbase.runs r where r.trace_id = p_trace_id and r.app_code = p_app_code
      limit q.max_descendants + 1
    ) r
  )
  from stepbase.app_quotas q
  where q.app_code = p_app_code;
$$;

comment on function stepbase_engine.descendants_left(text, text) is
  'How many more child runs the runs of this trace may start, on all levels together. Runs that continue the trace of a '
  'caller count together.';
