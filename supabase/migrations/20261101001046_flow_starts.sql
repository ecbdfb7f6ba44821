-- Flow controls that act when a run is started: priority, rate_limit, debounce and batch. start_run calls them for
-- workflows that have flow controls. The other kinds act when the run enters the queue: *_flow_lines.sql.

create function stepbase_engine.prepare_flow_start(
  p_workflow_id uuid, p_is_child boolean, inout p_input jsonb, inout p_priority int, out collect_id uuid,
  out rate_limit_id uuid
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_value jsonb;
begin
  for v_control in
    select c.* from stepbase.workflow_flow_controls c
    where c.workflow_id = p_workflow_id and c.kind in ('batch', 'debounce', 'priority', 'rate_limit')
    -- The batch is last: the others read the input of the start.
    order by c.kind desc
  loop
    case v_control.kind
      when 'rate_limit' then
        rate_limit_id := v_control.id;
      -- The priority of a parent is no choice of the caller.
      when 'priority' then
        if p_priority is null or p_is_child then
          v_value := jsonb_path_query_first(p_input, v_control.key_path::jsonpath, '{}', true);
          p_priority := coalesce(
            case when jsonb_typeof(v_value) = 'number'
              then greatest(least(round((v_value #>> '{}')::numeric), 100), -100)::int end,
            v_control.default_priority, p_priority
          );
        end if;
      else
        -- A step waits for the child that it started, so a child is a run of its own.
        collect_id := case when not p_is_child then v_control.id end;
        if v_control.kind = 'batch' then
          p_input := jsonb_build_object('items', jsonb_build_array(p_input));
        end if;
    end case;
  end loop;
end;
$$;

comment on function stepbase_engine.prepare_flow_start(uuid, boolean, jsonb, int) is
  'What the flow controls of a workflow do to a start: the input of the run (of a batch: {items: [input]}), the priority of '
  'its priority control if the caller named none, its debounce or batch control (collect_id) and its rate limit. '
  'Priorities beyond -100 and 100 count as these.';

create function stepbase_engine.take_rate(p_control_id uuid, p_input jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_key_id uuid;
  v_now timestamptz;
  v_spacing interval;
  v_tolerance interval;
  v_retry_after int;
begin
  select c.* into v_control from stepbase.workflow_flow_controls c where c.id = p_control_id;
  v_key_id := stepbase_engine.flow_key(v_control, p_input);
  -- The lock comes first, so that the time is not older than that of a start that this one waited for.
  insert into stepbase_engine.flow_rates as f (key_id, app_code, workflow_id, kind, next_at)
  values (v_key_id, v_control.app_code, v_control.workflow_id, v_control.kind, '-infinity')
  on conflict (key_id) do update set key_id = excluded.key_id;
  v_now := stepbase_engine.now();
  select r.spacing, r.tolerance into v_spacing, v_tolerance from stepbase_engine.rate_of(v_control) r;
  update stepbase_engine.flow_rates f
  set next_at = greatest(f.next_at, v_now) + v_spacing
  where f.key_id = v_key_id and f.next_at <= v_now + v_tolerance;
  if not found then
    select ceil(extract(epoch from f.next_at - v_tolerance - v_now)) into v_retry_after
    from stepbase_engine.flow_rates f where f.key_id = v_key_id;
    perform stepbase_private.raise_error(
      'limit_reached',
      format(
        'The rate limit of the workflow allows %s starts in %s s for this key; try again in %s s',
        v_control.max_count, v_control.period_seconds, v_retry_after
      ),
      jsonb_build_object('limit', 'rate_limit', 'retry_after', v_retry_after)
    );
  end if;
end;
$$;

comment on function stepbase_engine.take_rate(uuid, jsonb) is
  'Counts a start under a rate limit, or raises SB429 limit_reached with retry_after in seconds.';

create function stepbase_engine.replace_held_run(
  p_run_id uuid, p_workflow_version_id uuid, p_input jsonb, p_priority int, p_metadata jsonb, p_tags text[],
  p_start_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  update stepbase.runs r
  set
    input = p_input, priority = p_priority, metadata = p_metadata, tags = nullif(p_tags, '{}'), start_at = p_start_at,
    workflow_version_id = v.id, steps_total = v.steps_total,
    canary_id = case when w.canary_id is not null then stepbase_engine.canary_of(w.canary_id, v.id) end,
    updated_at = stepbase_engine.now()
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where r.id = p_run_id and v.id = p_workflow_version_id;
  delete from stepbase.run_values v where v.run_id = p_run_id;
  perform stepbase_engine.write_run_values(array[p_run_id], w.searchable_inputs)
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = p_workflow_version_id;
end;
$$;

comment on function stepbase_engine.replace_held_run(uuid, uuid, jsonb, int, jsonb, text[], timestamptz) is
  'Gives a debounced run the values of the latest start. The caller has locked the run.';

create function stepbase_engine.join_held_run(
  p_control_id uuid, p_rate_limit_id uuid, p_workflow_version_id uuid, p_input jsonb, p_idempotency_key text,
  p_priority int, p_metadata jsonb, p_tags text[], out run_id uuid, out start_at timestamptz
)
language plpgsql
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_input jsonb;
  v_key_id uuid;
  v_now timestamptz;
  v_hold stepbase_engine.flow_holds;
  v_run stepbase.runs;
begin
  select c.* into v_control from stepbase.workflow_flow_controls c where c.id = p_control_id;
  -- Of the start, not of the run.
  v_input := case when v_control.kind = 'batch' then p_input #> '{items,0}' else p_input end;
  v_key_id := stepbase_engine.flow_key(v_control, v_input);
  -- Lock order: the key, then the run that it names. Starts of a key follow one another.
  insert into stepbase_engine.flow_holds as h (key_id, app_code, workflow_id)
  values (v_key_id, v_control.app_code, v_control.workflow_id)
  on conflict (key_id) do update set key_id = excluded.key_id
  returning * into v_hold;
  v_now := stepbase_engine.now();
  if p_idempotency_key is not null then
    select s.run_id into run_id from stepbase_engine.flow_starts s
    where s.app_code = v_control.app_code and s.idempotency_key = p_idempotency_key;
    if found then
      return;
    end if;
  end if;
  if p_rate_limit_id is not null then
    perform stepbase_engine.take_rate(p_rate_limit_id, v_input);
  end if;
  select r.* into v_run from stepbase.runs r
  where r.id = v_hold.run_id and r.held_by = 'start_at' and r.status = 'pending'
  for no key update;
  if not found then
    start_at := v_now + make_interval(
      secs => case v_control.kind when 'debounce' then v_control.period_seconds else v_control.timeout_seconds end
    );
    return;
  end if;
  run_id := v_run.id;
  if p_idempotency_key is not null then
    perform stepbase_engine.note_flow_start(v_run, p_idempotency_key);
  end if;
  if v_control.kind = 'debounce' then
    perform stepbase_engine.replace_held_run(
      v_run.id, p_workflow_version_id, p_input, p_priority, p_metadata, p_tags,
      least(
        v_now + make_interval(secs => v_control.period_seconds),
        v_hold.opened_at + make_interval(secs => v_control.timeout_seconds)
      )
    );
    perform pg_notify('stepbase', 'due');
    return;
  end if;
  insert into stepbase_engine.batch_items (run_id, place, item)
  values (v_run.id, v_hold.items, v_input);
  -- From now on the run has the input of others, so its schedule does not cancel it for the next start.
  if v_run.trigger_type = 'schedule' and v_run.metadata -> 'schedule_id' is distinct from p_metadata -> 'schedule_id' then
    update stepbase.runs r set metadata = r.metadata || '{"is_shared": true}'
    where r.id = v_run.id and not r.metadata ? 'is_shared';
  end if;
  update stepbase_engine.flow_holds h
  set items = h.items + 1, bytes = h.bytes + pg_column_size(v_input)
  where h.key_id = v_key_id
  returning * into v_hold;
  if v_hold.items >= v_control.max_count or v_hold.bytes >= stepbase_engine.max_batch_bytes() then
    perform stepbase_engine.release_run(v_run.id);
  end if;
end;
$$;

comment on function stepbase_engine.join_held_run(uuid, uuid, uuid, jsonb, text, int, jsonb, text[]) is
  'Adds a start to the run that a debounce or batch control holds for its key, and returns run_id. A batch of a schedule that '
  'another start joined gets is_shared in its metadata. Without one it returns '
  'the start_at of the run that the caller writes and passes to note_held_run. Locks the key.';

create function stepbase_engine.note_flow_start(p_run stepbase.runs, p_idempotency_key text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase_engine.flow_starts (app_code, idempotency_key, run_id)
  values (p_run.app_code, p_idempotency_key, p_run.id)
  on conflict (app_code, idempotency_key) do nothing;
  if not found then
    perform stepbase_private.raise_error('conflict', 'The idempotency key is in use by another start; try again');
  end if;
end;
$$;

comment on function stepbase_engine.note_flow_start(stepbase.runs, text) is
  'Stores which run a start with an idempotency key went into. Raises SB409 conflict if a start of another flow key uses '
  'the idempotency key at the same time.';

create function stepbase_engine.note_held_run(p_control_id uuid, p_run stepbase.runs)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_input jsonb;
begin
  select c.* into v_control from stepbase.workflow_flow_controls c where c.id = p_control_id;
  v_input := case when v_control.kind = 'batch' then p_run.input #> '{items,0}' else p_run.input end;
  update stepbase_engine.flow_holds h
  set run_id = p_run.id, opened_at = stepbase_engine.now(), items = 1, bytes = pg_column_size(v_input)
  where h.key_id = stepbase_engine.flow_key(v_control, v_input);
  if p_run.idempotency_key is not null then
    perform stepbase_engine.note_flow_start(p_run, p_run.idempotency_key);
  end if;
end;
$$;

comment on function stepbase_engine.note_held_run(uuid, stepbase.runs) is
  'Names a new run as the one that later starts of its key join.';
