-- The RPC that starts many runs of a workflow. Each item has its own outcome: an invalid one is refused and does not
-- prevent the others.

create function stepbase_private.max_items()
returns int
language sql
immutable
set search_path = ''
as 'select 1000';

comment on function stepbase_private.max_items() is 'How many runs one call of start_runs may start.';

create function stepbase_private.read_item(p_item jsonb, p_input_schema jsonb)
returns stepbase_engine.new_run
language plpgsql
set search_path = ''
as $$
declare
  c_keys constant text[] := '{input,idempotency_key,priority,tags,metadata,start_at}';
  v_key text;
  v_tags text[];
  v_problem text;
  v_errors jsonb;
begin
  if jsonb_typeof(p_item) <> 'object' then
    perform stepbase_private.raise_error('invalid_request', 'an item must be a JSON object');
  end if;
  p_item := (select coalesce(jsonb_object_agg(i.key, i.value), '{}') from jsonb_each(p_item) i where i.value <> 'null');
  for v_key in select k from jsonb_object_keys(p_item) k where k <> all(c_keys) order by 1 loop
    perform stepbase_private.raise_error(
      'invalid_request', format('an item has no %s; it may have %s', v_key, array_to_string(c_keys, ', '))
    );
  end loop;
  for v_key in
    select k.key
    from (values ('idempotency_key', 'string'), ('priority', 'number'), ('tags', 'array'), ('start_at', 'string')) k (key, type)
    where jsonb_typeof(p_item -> k.key) <> k.type
    order by k.key
  loop
    perform stepbase_private.raise_error('invalid_request', format('%s has the wrong type', v_key));
  end loop;
  if jsonb_typeof(p_item -> 'tags') = 'array' then
    v_tags := array(
      -- An element that is not a text becomes null, which start_problem refuses.
      select case when jsonb_typeof(t.tag) = 'string' then t.tag #>> '{}' end
      from jsonb_array_elements(p_item -> 'tags') t (tag)
    );
  end if;
  if (p_item -> 'priority') is not null and (p_item ->> 'priority') !~ '^-?\d{1,3}$' then
    v_problem := 'priority must be an integer between -100 and 100';
  else
    v_problem := stepbase_private.start_problem(
      p_item ->> 'idempotency_key', (p_item ->> 'priority')::int, v_tags, coalesce(p_item -> 'metadata', '{}')
    );
  end if;
  if v_problem is not null then
    perform stepbase_private.raise_error('invalid_request', v_problem);
  end if;
  if jsonb_typeof(p_item -> 'input') <> 'object' then
    perform stepbase_private.raise_error('invalid_input', 'The input of a run must be a JSON object');
  end if;
  if p_input_schema is not null then
    v_errors := stepbase_private.json_schema_errors(p_input_schema, coalesce(p_item -> 'input', '{}'));
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input', 'The input does not match the input schema of the workflow',
        jsonb_build_object('errors', v_errors)
      );
    end if;
  end if;
  return (
    stepbase_engine.new_id(), coalesce(p_item -> 'input', '{}'), p_item ->> 'idempotency_key',
    coalesce((p_item ->> 'priority')::smallint, 0), v_tags, coalesce(p_item -> 'metadata', '{}'),
    stepbase_private.iso_time(p_item ->> 'start_at', 'start_at')
  )::stepbase_engine.new_run;
end;
$$;

comment on function stepbase_private.read_item(jsonb, jsonb) is
  'An item of start_runs as the run that it starts. Errors: SB400 unknown key or invalid option, SB422 the input is not an '
  'object or does not match the input schema, SB425 schema too complex.';

create function stepbase_private.start_runs_in_turn(
  p_app_code text, p_workflow text, p_items jsonb, p_version int
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_item record;
  v_new stepbase_engine.new_run;
  v_run_id uuid;
  v_is_new boolean;
  v_detail text;
  v_outcomes jsonb := '[]';
begin
  for v_item in
    select i.value, i.place - 1 as index from jsonb_array_elements(p_items) with ordinality i (value, place)
  loop
    begin
      -- Without the schema: start_run checks the input, of which a batch makes a list.
      v_new := stepbase_private.read_item(v_item.value, null);
      -- The snapshot of the statement does not contain a run that the statement inserts.
      select r.id, not exists (select 1 from stepbase.runs b where b.id = r.id) into v_run_id, v_is_new
      from stepbase_private.start_run_in(
        p_app_code, p_workflow, v_new.input, v_new.idempotency_key, p_version, (v_item.value ->> 'priority')::int,
        'manual', auth.uid(), v_new.tags, v_new.metadata, v_new.start_at
      ) r;
      v_outcomes := v_outcomes || jsonb_build_object(
        'index', v_item.index, 'run_id', v_run_id, 'status', case when v_is_new then 'started' else 'existing' end
      );
    exception
      when others then
        if sqlstate !~ '^SB' then
          raise;
        end if;
        get stacked diagnostics v_detail = pg_exception_detail;
        v_outcomes := v_outcomes || jsonb_build_object(
          'index', v_item.index, 'run_id', null, 'status', 'refused',
          'error', v_detail::jsonb || jsonb_build_object('message', sqlerrm)
        );
    end;
  end loop;
  return v_outcomes;
end;
$$;

comment on function stepbase_private.start_runs_in_turn(text, text, jsonb, int) is
  'start_runs for a workflow with a canary, or with flow controls that act on each start. A start that joins a held run '
  'has the status existing.';

create function stepbase_private.start_runs(p_workflow text, p_items jsonb, p_version int)
returns jsonb
language plpgsql
-- Security definer: clients cannot write run tables.
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('run:execute');
  v_version record;
  v_count int;
  v_left int;
  -- The keys that start nothing: the application used them before, or an earlier item did.
  v_known jsonb;
  v_item record;
  v_run stepbase_engine.new_run;
  v_runs stepbase_engine.new_run[] := '{}';
  v_places int[] := '{}';
  v_refused jsonb := '{}';
  v_detail text;
  v_new uuid[];
begin
  if jsonb_typeof(p_items) is distinct from 'array' then
    perform stepbase_private.raise_error('invalid_request', 'items must be a JSON array');
  end if;
  v_count := jsonb_array_length(p_items);
  if v_count > stepbase_private.max_items() then
    perform stepbase_private.raise_error(
      'invalid_request', format('items has %s elements; the maximum is %s', v_count, stepbase_private.max_items()),
      jsonb_build_object('limit', stepbase_private.max_items())
    );
  end if;
  select v.id, v.workflow_id, v.input_schema into strict v_version
  from stepbase.workflow_versions v
  where v.id = (select s.version_id from stepbase_private.startable_version(v_app_code, p_workflow, p_version) s);
  if exists (
    select 1 from stepbase.workflow_flow_controls c
    where c.workflow_id = v_version.workflow_id and c.kind not in ('concurrency', 'throttle')
  ) or (p_version is null and exists (
    select 1 from stepbase.workflows w where w.id = v_version.workflow_id and w.canary_id is not null
  )) then
    return stepbase_private.start_runs_in_turn(v_app_code, p_workflow, p_items, p_version);
  end if;
  perform stepbase_engine.check_open_runs(v_app_code);
  v_left := stepbase_engine.open_runs_left(v_app_code);

  select coalesce(jsonb_object_agg(r.idempotency_key, true), '{}') into v_known
  from stepbase.runs r
  where r.app_code = v_app_code and r.idempotency_key in (
    select i.value ->> 'idempotency_key' from jsonb_array_elements(p_items) i (value)
  );

  for v_item in
    select i.value, i.place - 1 as index from jsonb_array_elements(p_items) with ordinality i (value, place)
  loop
    begin
      v_run := stepbase_private.read_item(v_item.value, v_version.input_schema);
      if v_run.idempotency_key is null or not v_known ? v_run.idempotency_key then
        if v_left = 0 then
          perform stepbase_private.raise_error(
            'limit_reached', 'The application has max_open_runs open runs, its quota',
            jsonb_build_object('quota', 'max_open_runs')
          );
        end if;
        v_left := v_left - 1;
        v_known := v_known || jsonb_build_object(coalesce(v_run.idempotency_key, ''), true);
      end if;
      v_runs := v_runs || v_run;
      v_places := v_places || v_item.index::int;
    exception
      when others then
        if sqlstate !~ '^SB' then
          raise;
        end if;
        get stacked diagnostics v_detail = pg_exception_detail;
        v_refused := v_refused
          || jsonb_build_object(v_item.index, v_detail::jsonb || jsonb_build_object('message', sqlerrm));
    end;
  end loop;

  if cardinality(v_runs) > 0 then
    v_new := stepbase_engine.start_runs(v_app_code, v_version.id, v_runs, 'manual', auth.uid());
  end if;
  return (
    with known as (
      select
        v_places[r.ordinality] as index, r.id = any(v_new) as is_new, coalesce(e.id, r.id) as run_id,
        e.id is null or (e.workflow_id = v_version.workflow_id and e.input = r.input) as is_same
      from unnest(v_runs) with ordinality r
      left join stepbase.runs e
        on r.id <> all(v_new) and e.app_code = v_app_code and e.idempotency_key = r.idempotency_key
    ),
    outcome as (
      select
        k.index,
        case
          when k.is_new then jsonb_build_object('run_id', k.run_id, 'status', 'started')
          when k.is_same then jsonb_build_object('run_id', k.run_id, 'status', 'existing')
          else jsonb_build_object(
            'status', 'refused', 'run_id', null, 'error', jsonb_build_object(
              'code', 'conflict', 'run_id', k.run_id,
              'message', format('The idempotency key was used for a run of another workflow or input: %s', k.run_id)
            )
          )
        end as value
      from known k
      union all
      select d.key::int, jsonb_build_object('run_id', null, 'status', 'refused', 'error', d.value)
      from jsonb_each(v_refused) d
    )
    select coalesce(jsonb_agg(jsonb_build_object('index', o.index) || o.value order by o.index), '[]')
    from outcome o
  );
end;
$$;

comment on function stepbase_private.start_runs(text, jsonb, int) is 'Implements stepbase.start_runs.';
grant execute on function stepbase_private.start_runs(text, jsonb, int) to authenticated;

create function stepbase.start_runs(workflow text, items jsonb, version int default null)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.start_runs(start_runs.workflow, start_runs.items, start_runs.version);
$$;

comment on function stepbase.start_runs(text, jsonb, int) is
  'Starts up to 1,000 runs of a workflow (kebab_name) of the caller''s application; requires run:execute. items: an array of '
  '{input?, idempotency_key?, priority?, tags?, metadata?, start_at?}, with the rules of start_run. Returns an array with one '
  'element per item, in order: {index, run_id, status, error?}; status is started, existing (the key started this run '
  'earlier) or refused (error has code and message). version: default the published one. Errors of the whole call: SB400 '
  'items is no array or too long, SB401, SB403, SB404 unknown workflow or version, SB409 not published, SB429 too many runs '
  'wait or are open.';
grant execute on function stepbase.start_runs(text, jsonb, int) to authenticated;
