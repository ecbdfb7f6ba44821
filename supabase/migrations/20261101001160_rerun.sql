-- Reruns: a new run of the same version, linked to the original run. A rerun from a step copies the results and the
-- context of all resolved steps that do not come after that step. The caller may set another input, and the outputs of
-- steps: these count as completed, and the steps after them run again.

create function stepbase_engine.resolved_steps(p_run_id uuid)
returns setof stepbase.step_runs
language sql
stable
set search_path = ''
as $$
  select s.*
  from (
    select distinct on (o.step_id) o.*
    from stepbase.step_runs o
    where o.run_id = p_run_id and o.item_index = 0
    order by o.step_id, o.attempt desc
  ) s
  where s.status in ('completed', 'skipped')
    -- A failure that an error edge or on_error handled: only such a failure is part of the context.
    or (s.status = 'failed' and s.context_version is not null);
$$;

comment on function stepbase_engine.resolved_steps(uuid) is
  'The last attempts of the steps after which a run continued: completed, skipped, or failed and handled.';

create function stepbase_engine.open_dependencies(p_origin_run_id uuid, p_step_id text, p_edited text[] default '{}')
returns text[]
language sql
stable
set search_path = ''
as $$
  select array_agg(distinct e.source_node_id order by e.source_node_id)
  from stepbase.runs r
  join stepbase.workflow_nodes n
    on n.workflow_version_id = r.workflow_version_id and n.node_id = p_step_id
  join stepbase.workflow_edges e
    on e.workflow_version_id = n.workflow_version_id and e.target_node_id = n.node_id
  where r.id = p_origin_run_id
    and e.source_node_id not in (select s.step_id from stepbase_engine.resolved_steps(r.id) s)
    and e.source_node_id <> all (p_edited)
    -- A join with join_mode any starts after the first branch that arrives.
    and not (
      n.join_mode = 'any'
      and exists (
        select 1 from stepbase.step_runs s
        where s.run_id = r.id and s.step_id = n.node_id and s.item_index = 0 and s.taken_in > 0
      )
    );
$$;

comment on function stepbase_engine.open_dependencies(uuid, text, text[]) is
  'The steps before a step of an ended run that were neither resolved nor edited, so that the step could not start; null if '
  'there is none.';

create function stepbase_engine.rerun_plan(p_origin stepbase.runs, p_from_step text, p_edited text[])
returns table (step_id text, ordinal int, action text)
language sql
stable
set search_path = ''
as $$
  with again as (
    select d.step_id
    from unnest(array_append(p_edited, p_from_step)) as f (step_id)
    cross join lateral stepbase_engine.downstream(p_origin.workflow_version_id, f.step_id) as d (step_id)
    where f.step_id is not null
  ),
  resolved as (
    select s.step_id from stepbase_engine.resolved_steps(p_origin.id) s
    where p_from_step is not null or p_edited <> '{}'
  )
  select
    n.node_id, n.ordinal,
    case
      when n.node_id = any(p_edited) then 'edited'
      when n.node_id in (select r.step_id from resolved r)
        and n.node_id not in (select a.step_id from again a) then 'copied'
      else 'runs'
    end
  from stepbase.workflow_nodes n
  where n.workflow_version_id = p_origin.workflow_version_id
  order by n.ordinal;
$$;

comment on function stepbase_engine.rerun_plan(stepbase.runs, text, text[]) is
  'What a rerun does with each step of the version, in the order of the graph: copied, edited (its output is set), or runs '
  '(if the graph leads to it). Without a step and edited outputs every step runs.';

create function stepbase_engine.copied_steps(p_origin stepbase.runs, p_from_step text, p_edited text[] default '{}')
returns text[]
language sql
stable
set search_path = ''
as $$
  select array(
    select p.step_id from stepbase_engine.rerun_plan(p_origin, p_from_step, p_edited) p where p.action = 'copied'
  );
$$;

comment on function stepbase_engine.copied_steps(stepbase.runs, text, text[]) is
  'The steps whose results a rerun copies: see rerun_plan.';

create function stepbase_engine.require_rerunnable(p_origin stepbase.runs, p_from_step text, p_outputs jsonb)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_edited constant text[] := array(select k from jsonb_object_keys(p_outputs) k order by k);
  v_step text;
  v_waits_for text[];
begin
  if p_origin.completed_at is null then
    perform stepbase_private.raise_error('conflict', 'The run has not ended; cancel it or wait before a rerun');
  end if;
  if (p_from_step is not null or v_edited <> '{}') and stepbase_engine.is_compensated(p_origin.id) then
    perform stepbase_private.raise_error(
      'conflict', 'The run was compensated; rerun it without from_step and outputs'
    );
  end if;
  if p_from_step = any (v_edited) then
    perform stepbase_private.raise_error(
      'invalid_request', format('Step %s runs again, so its output cannot be set', p_from_step),
      jsonb_build_object('step_id', p_from_step)
    );
  end if;
  perform stepbase_engine.require_runnable(w) from stepbase.workflows w where w.id = p_origin.workflow_id;
  foreach v_step in array array_remove(array_prepend(p_from_step, v_edited), null) loop
    if not exists (
      select 1 from stepbase.step_runs s
      where s.run_id = p_origin.id and s.step_id = v_step and s.status <> 'skipped'
    ) then
      perform stepbase_private.raise_error(
        'not_found', format('The run never reached step %s', v_step),
        jsonb_build_object('step_id', v_step)
      );
    end if;
    v_waits_for := stepbase_engine.open_dependencies(p_origin.id, v_step, v_edited);
    if v_waits_for is not null then
      perform stepbase_private.raise_error(
        'conflict',
        format('The run never reached step %s, which waits for %s', v_step, array_to_string(v_waits_for, ', ')),
        jsonb_build_object('step_id', v_step, 'waits_for', v_waits_for)
      );
    end if;
  end loop;
  if v_edited = '{}' then
    return;
  end if;
  -- The result of an edited step exists from the start, so no step before it may run again.
  select p.step_id, array_agg(distinct e.source_node_id order by e.source_node_id) into v_step, v_waits_for
  from stepbase_engine.rerun_plan(p_origin, p_from_step, v_edited) p
  join stepbase.workflow_edges e
    on e.workflow_version_id = p_origin.workflow_version_id and e.target_node_id = p.step_id
  join stepbase_engine.rerun_plan(p_origin, p_from_step, v_edited) b on b.step_id = e.source_node_id
  where p.action = 'edited' and b.action = 'runs'
  group by p.step_id, p.ordinal
  order by p.ordinal
  limit 1;
  if v_step is not null then
    perform stepbase_private.raise_error(
      'conflict',
      format('The output of step %s cannot be set: it follows %s, which runs again', v_step,
        array_to_string(v_waits_for, ', ')),
      jsonb_build_object('step_id', v_step, 'waits_for', v_waits_for)
    );
  end if;
  if not exists (
    select 1 from stepbase_engine.rerun_plan(p_origin, p_from_step, v_edited) p where p.action = 'runs'
  ) then
    perform stepbase_private.raise_error('conflict', 'No step would run again: no step follows the edited ones');
  end if;
end;
$$;

comment on function stepbase_engine.require_rerunnable(stepbase.runs, text, jsonb) is
  'Raises an error unless the run can be rerun from the step with these outputs: SB400, SB404, SB409. p_outputs is an object '
  'of step ids.';
