-- The RPCs of operations on many runs: preview, start, stop. See rpc_runs for the pattern.

create function stepbase_private.require_action(p_action text)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  if stepbase_engine.operation_statuses(p_action) is null then
    perform stepbase_private.raise_error(
      'invalid_request', 'action must be cancel, pause, resume, redrive, rerun or signal', '{"path": "action"}'
    );
  end if;
  return stepbase_private.require_permission(case p_action when 'cancel' then 'run:cancel' else 'run:execute' end);
end;
$$;

comment on function stepbase_private.require_action(text) is
  'The application of the caller, if it may perform the action on a run. Errors: SB400 unknown action, SB401, SB403.';

create function stepbase_private.select_runs(
  p_app_code text, p_action text, p_filter jsonb, p_is_forced boolean, p_until timestamptz,
  out run_ids uuid[], out is_complete boolean, out excluded jsonb
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most constant int := (select q.max_operation_runs from stepbase.app_quotas q where q.app_code = p_app_code);
  -- A page examines about 10,000 runs.
  c_pages constant int := 40;
  v_filter stepbase_private.run_filter := stepbase_private.read_filter(p_app_code, p_filter);
  v_statuses text[] := stepbase_engine.operation_statuses(p_action);
  v_time timestamptz;
  v_id uuid;
  v_page_ids uuid[];
  v_page record;
begin
  run_ids := '{}';
  is_complete := true;
  excluded := '{}';
  if v_filter.statuses is not null then
    v_statuses := array(select s.name from unnest(v_statuses) s (name) where s.name = any(v_filter.statuses));
  end if;
  if v_statuses = '{}' then
    return;
  end if;
  v_filter.statuses := v_statuses;
  -- Included: the next possible time is not.
  v_filter.created_before := least(v_filter.created_before, p_until + interval '1 microsecond');
  for i in 1..c_pages loop
    select m.run_ids, m.next_time, m.next_id into v_page_ids, v_time, v_id
    from stepbase_private.matching_runs(v_filter, false, v_time, v_id, 1000) m;
    if p_action in ('redrive', 'rerun') then
      for v_page in
        select x.reason, array_agg(x.id order by x.place) as ids
        from (
          select
            i.place, r.id,
            case
              -- A child starts again with its parent.
              when r.parent_run_id is not null then 'child_runs'
              -- Another run continues it already.
              when r.error ->> 'code' = 'continued_on_version' then 'continued_on_version'
              when p_action = 'redrive' and not p_is_forced and exists (
                select 1 from stepbase.runs n where n.origin_run_id = r.id and n.app_code = r.app_code
              ) then 'redriven_before'
              else ''
            end as reason
          from unnest(v_page_ids) with ordinality i (id, place)
          cross join lateral (select o.* from stepbase.runs o where o.id = i.id offset 0) r
        ) x
        group by x.reason
      loop
        if v_page.reason = '' then
          run_ids := run_ids || v_page.ids;
        else
          excluded := jsonb_set(
            excluded, array[v_page.reason],
            to_jsonb(coalesce((excluded ->> v_page.reason)::int, 0) + cardinality(v_page.ids))
          );
        end if;
      end loop;
      v_page_ids := '{}';
    end if;
    run_ids := run_ids || v_page_ids;
    is_complete := v_id is null and cardinality(run_ids) <= v_most;
    exit when v_id is null or cardinality(run_ids) > v_most;
  end loop;
  run_ids := run_ids[1:v_most];
end;
$$;

comment on function stepbase_private.select_runs(text, text, jsonb, boolean, timestamptz) is
  'The runs that match a filter, were created up to a time, and have a status on which the action has an effect; the '
  'oldest first, at most max_operation_runs of the application. is_complete: there are no others. excluded: how many matching '
  'runs were left out, by reason: child_runs, continued_on_version, redriven_before. Errors: those of read_filter.';

create function stepbase_private.preview_token(
  p_app_code text, p_action text, p_filter jsonb, p_is_forced boolean, p_at timestamptz, p_count int
)
returns text
language sql
stable
set search_path = ''
as $$
  select concat_ws(
    '_', to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), p_count,
    md5(jsonb_build_array(p_app_code, p_action, p_filter, p_is_forced, p_at, p_count)::text)
  );
$$;

comment on function stepbase_private.preview_token(text, text, jsonb, boolean, timestamptz, int) is
  'The text that binds the start of an operation to its preview: the time, the number of runs, and a hash with the action '
  'and the filter. No secret: start_operation checks the permission and the number of runs again.';

-- Security definer, as search_runs: indexes on expressions, which row-level security hides.
create function stepbase_private.preview_operation(p_action text, p_filter jsonb, p_force boolean)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_action(p_action);
  v_now constant timestamptz := stepbase_engine.now();
  v_forced constant boolean := coalesce(p_force, false);
  v_selected record;
begin
  select s.* into v_selected from stepbase_private.select_runs(v_app_code, p_action, p_filter, v_forced, v_now) s;
  return jsonb_build_object(
    'action', p_action,
    'count', cardinality(v_selected.run_ids),
    'is_complete', v_selected.is_complete,
    'by_status', (
      select coalesce(jsonb_object_agg(c.status, c.count), '{}')
      from (
        select r.status, count(*) as count
        from unnest(v_selected.run_ids) i (id)
        cross join lateral (select o.status from stepbase.runs o where o.id = i.id offset 0) r
        group by r.status
      ) c
    ),
    'excluded', v_selected.excluded,
    'sample', to_jsonb(v_selected.run_ids[1:10]),
    'preview', stepbase_private.preview_token(
      v_app_code, p_action, p_filter, v_forced, v_now, cardinality(v_selected.run_ids)
    ),
    'expires_at', to_jsonb(v_now + interval '15 minutes')
  );
end;
$$;

comment on function stepbase_private.preview_operation(text, jsonb, boolean) is 'Implements stepbase.preview_operation.';
grant execute on function stepbase_private.preview_operation(text, jsonb, boolean) to authenticated;

create function stepbase.preview_operation(action text, filter jsonb, force boolean default false)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.preview_operation(
    preview_operation.action, preview_operation.filter, preview_operation.force
  );
$$;

comment on function stepbase.preview_operation(text, jsonb, boolean) is
  'Counts the runs on which start_operation would act: {action, count, is_complete, by_status, excluded, sample, preview, '
  'expires_at}. '
  'action: cancel, pause, resume, redrive, rerun or signal. filter: as of search_runs; runs whose status does not allow the action do '
  'not count. redrive and rerun leave out child runs (child_runs), runs that another run continues on a version '
  '(continued_on_version) and, without force, runs that were redriven before (redriven_before); excluded has their numbers. '
  'is_complete: false if more runs match than the quota max_operation_runs allows. sample: the ids of the 10 oldest. preview: pass it to start_operation '
  'before expires_at. Requires run:cancel for cancel, otherwise run:execute. Errors: SB400, SB401, SB403, SB404 unknown '
  'workflow or version.';
grant execute on function stepbase.preview_operation(text, jsonb, boolean) to authenticated;

create function stepbase_private.check_operation_signal(p_action text, p_signal jsonb)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_problem text;
  v_path text := 'signal';
begin
  if p_action <> 'signal' and p_signal is not null then
    v_problem := 'Only the action signal has a signal';
  elsif p_action = 'signal' and (
    jsonb_typeof(p_signal) is distinct from 'object' or not p_signal ?& '{name,payload}'
    or p_signal - '{name,payload}'::text[] <> '{}'
  ) then
    v_problem := 'signal must be {name, payload}';
  elsif octet_length(p_signal::text) > 65536 then
    v_problem := 'signal must have at most 64 KiB';
  elsif jsonb_typeof(p_signal -> 'name') <> 'string' or p_signal ->> 'name' !~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$' then
    v_problem :=
      'A signal name must start with a letter and have at most 100 letters, digits, underscores, dots and hyphens';
    v_path := 'signal.name';
  end if;
  if v_problem is not null then
    perform stepbase_private.raise_error('invalid_request', v_problem, jsonb_build_object('path', v_path));
  end if;
end;
$$;

comment on function stepbase_private.check_operation_signal(text, jsonb) is
  'Checks that an operation has a signal {name, payload} exactly if its action is signal. Errors: SB400.';

-- Security definer, as all that follows: clients cannot write operations.
create function stepbase_private.start_operation(
  p_action text, p_filter jsonb, p_preview text, p_reason text, p_force boolean, p_signal jsonb, p_max_per_minute int
)
returns stepbase.run_operations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_action(p_action);
  v_most_runs int;
  v_most_open int;
  v_now constant timestamptz := stepbase_engine.now();
  v_forced constant boolean := coalesce(p_force, false);
  v_parts constant text[] := regexp_match(p_preview, '^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_(\d{1,5})_[0-9a-f]{32}$');
  v_at timestamptz;
  v_previewed int;
  v_selected record;
  v_count int;
  v_operation stepbase.run_operations;
begin
  if v_forced and p_action not in ('cancel', 'redrive') then
    perform stepbase_private.raise_error('invalid_request', 'Only cancel and redrive have force', '{"path": "force"}');
  elsif length(p_reason) not between 1 and 1000 then
    perform stepbase_private.raise_error(
      'invalid_request', 'reason must have 1 to 1000 characters', '{"path": "reason"}'
    );
  elsif p_max_per_minute not between 1 and 10000 then
    perform stepbase_private.raise_error(
      'invalid_request', 'max_per_minute must be between 1 and 10000', '{"path": "max_per_minute"}'
    );
  end if;
  perform stepbase_private.check_operation_signal(p_action, p_signal);
  v_at := stepbase_private.iso_time(v_parts[1], 'preview');
  v_previewed := v_parts[2]::int;
  if p_preview is distinct from
    stepbase_private.preview_token(v_app_code, p_action, p_filter, v_forced, v_at, v_previewed)
    or v_at > v_now
  then
    perform stepbase_private.raise_error(
      'invalid_request', 'preview must be the one that preview_operation returned for this action, filter and force',
      '{"path": "preview"}'
    );
  elsif v_at < v_now - interval '15 minutes' then
    perform stepbase_private.raise_error('conflict', 'The preview has expired; call preview_operation again');
  end if;

  select q.max_operation_runs, q.max_running_operations into strict v_most_runs, v_most_open
  from stepbase.app_quotas q where q.app_code = v_app_code;
  select s.* into v_selected from stepbase_private.select_runs(v_app_code, p_action, p_filter, v_forced, v_at) s;
  v_count := cardinality(v_selected.run_ids);
  if not v_selected.is_complete then
    perform stepbase_private.raise_error(
      'limit_reached',
      format(
        'More than %s runs match, the quota of one operation; add a time, a workflow or a tag to the filter', v_most_runs
      ),
      jsonb_build_object('quota', 'max_operation_runs', 'limit', v_most_runs)
    );
  elsif v_count > v_previewed then
    perform stepbase_private.raise_error(
      'conflict', format('%s runs match now, the preview counted %s; call preview_operation again', v_count, v_previewed),
      jsonb_build_object('count', v_count, 'previewed', v_previewed)
    );
  elsif (
    select count(*) from (
      select 1 from stepbase.run_operations o where o.app_code = v_app_code and o.status = 'running' limit v_most_open
    ) x
  ) >= v_most_open then
    perform stepbase_private.raise_error(
      'limit_reached',
      format('The application has %s running operations, its quota; wait for one or stop it', v_most_open),
      jsonb_build_object('quota', 'max_running_operations', 'limit', v_most_open)
    );
  end if;

  insert into stepbase.run_operations (
    app_code, action, filter, reason, is_forced, signal, max_per_minute, previewed_at, status, total, created_by,
    created_at, announced_at, ended_at
  )
  values (
    v_app_code, p_action, p_filter, p_reason, v_forced, p_signal, p_max_per_minute, v_at,
    case when v_count = 0 then 'completed' else 'running' end, v_count, stepbase_private.user_id(), v_now, v_now,
    case when v_count = 0 then v_now end
  )
  returning * into v_operation;
  if v_count > 0 then
    insert into stepbase_engine.selected_runs (operation_id, run_ids) values (v_operation.id, v_selected.run_ids);
    perform pg_notify('stepbase', 'due');
    perform stepbase_engine.request_worker();
  end if;
  return v_operation;
end;
$$;

comment on function stepbase_private.start_operation(text, jsonb, text, text, boolean, jsonb, int) is
  'Implements stepbase.start_operation.';
grant execute on function stepbase_private.start_operation(text, jsonb, text, text, boolean, jsonb, int)
to authenticated;

create function stepbase.start_operation(
  action text, filter jsonb, preview text, reason text default null, force boolean default false,
  signal jsonb default null, max_per_minute int default null
)
returns stepbase.run_operations
language sql
set search_path = ''
as $$
  select stepbase_private.start_operation(
    start_operation.action, start_operation.filter, start_operation.preview, start_operation.reason,
    start_operation.force, start_operation.signal, start_operation.max_per_minute
  );
$$;

comment on function stepbase.start_operation(text, jsonb, text, text, boolean, jsonb, int) is
  'Starts an operation on the runs that preview_operation counted, and returns its row; workers act on the runs in slices, '
  'the oldest first. preview: of the same action, filter and force, at most 15 minutes old; runs that were created after it '
  'are not selected. reason: the error message of cancelled runs. force: cancel ends runs without compensation; redrive also '
  'starts runs that were redriven before. signal: for the action signal, {name, payload} as of send_signal; a run that '
  'refuses it is counted as failed. max_per_minute (1 to 10000): on how many runs it acts in a minute. The filter '
  '{"operation": id} selects the runs on which the operation had its effect, or that it started. The quotas '
  'max_operation_runs and max_running_operations of the application apply. Requires run:cancel for cancel, otherwise '
  'run:execute. Errors: SB400, SB401, SB403, SB404 unknown workflow or version, SB409 the preview has expired or more runs match '
  'than it counted, SB429 a quota is reached.';
grant execute on function stepbase.start_operation(text, jsonb, text, text, boolean, jsonb, int) to authenticated;

create function stepbase_private.stop_operation(p_operation_id uuid)
returns stepbase.run_operations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.app_code();
  v_now constant timestamptz := stepbase_engine.now();
  v_operation stepbase.run_operations;
begin
  select o.* into v_operation from stepbase.run_operations o
  where o.id = p_operation_id and o.app_code = v_app_code;
  -- Another role is refused before it learns whether the operation exists.
  perform stepbase_private.require_action(coalesce(v_operation.action, 'rerun'));
  if v_operation.id is null then
    perform stepbase_private.raise_error(
      'not_found', 'Operation not found', jsonb_build_object('operation_id', p_operation_id)
    );
  end if;
  -- Waits for the slice under way.
  update stepbase.run_operations o
  set status = 'stopped', ended_at = v_now, announced_at = v_now, next_slice_at = null
  where o.id = v_operation.id and o.status = 'running'
  returning o.* into v_operation;
  if found then
    delete from stepbase_engine.selected_runs s where s.operation_id = v_operation.id;
  else
    select o.* into strict v_operation from stepbase.run_operations o where o.id = p_operation_id;
  end if;
  return v_operation;
end;
$$;

comment on function stepbase_private.stop_operation(uuid) is 'Implements stepbase.stop_operation.';
grant execute on function stepbase_private.stop_operation(uuid) to authenticated;

create function stepbase.stop_operation(operation_id uuid)
returns stepbase.run_operations
language sql
set search_path = ''
as $$
  select stepbase_private.stop_operation(stop_operation.operation_id);
$$;

comment on function stepbase.stop_operation(uuid) is
  'Stops an operation after the slice under way, and returns its row; runs on which it has acted stay as they are. Without '
  'effect on an operation that has ended. Requires the permission of its action. Errors: SB401, SB403, SB404.';
grant execute on function stepbase.stop_operation(uuid) to authenticated;
