-- Quotas of runs: how many runs of an application may be open, and how many child runs one root run may have. Counting
-- reads the runs themselves, up to the limit; there is no counter row that every start would have to lock.

create table stepbase_engine.full_apps (
  app_code text primary key references stepbase.applications (app_code) on delete cascade,
  since timestamptz not null
);

comment on table stepbase_engine.full_apps is
  'Applications that reached max_open_runs: each start counts the open runs until there are fewer.';

alter table stepbase_engine.full_apps enable row level security;

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
begin
  select q.max_open_runs, f.app_code is not null into v_limit, v_is_full
  from stepbase.app_quotas q
  left join stepbase_engine.full_apps f on f.app_code = q.app_code
  where q.app_code = p_app_code;
  if v_limit is null then
    return;
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
  'Raises SB429 limit_reached if an application has max_open_runs open runs. start_run calls it for a sample of the '
  'runs, and for every run of an application with a small quota or in full_apps.';

create function stepbase_engine.descendants_left(p_trace_id text, p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  -- The root and its descendants have one trace id.
  select q.max_descendants + 1 - (
    select count(*)::int
    from (select 1 from stepbase.runs r where r.trace_id = p_trace_id limit q.max_descendants + 1) r
  )
  from stepbase.app_quotas q
  where q.app_code = p_app_code;
$$;

comment on function stepbase_engine.descendants_left(text, text) is
  'How many more child runs the root run of this trace may have, on all levels together.';
