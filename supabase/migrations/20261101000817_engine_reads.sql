-- What workers read: immutable plans once per version, a run's input once per run, and of the
-- context only the outputs that a step's expressions name.

create function engine.load_plans(p_workflow_version_ids uuid[])
returns table (workflow_version_id uuid, workflow text, version int, nodes jsonb)
language sql
stable
set search_path = ''
as $$
  select
    v.id, w.kebab_name, v.version,
    (
      select jsonb_agg(jsonb_build_object(
        'id', n.node_id, 'type', n.node_type, 'label', n.label, 'config', n.config,
        'timeout_ms', n.timeout_ms, 'in_degree', n.in_degree,
        'next', (
          select coalesce(
            jsonb_agg(jsonb_build_object('id', e.target_node_id, 'handle', e.source_handle)), '[]'
          )
          from public.workflow_edges e
          where e.workflow_version_id = v.id and e.source_node_id = n.node_id
        )
      ))
      from public.workflow_nodes n
      where n.workflow_version_id = v.id
    )
  from public.workflow_versions v
  join public.workflows w on w.id = v.workflow_id
  where v.id = any(p_workflow_version_ids);
$$;

comment on function engine.load_plans(uuid[]) is
'The nodes of published versions as a worker executes them; published versions never change, so they can be kept.';

create function engine.load_runs(p_run_ids uuid[])
returns table (run_id uuid, input jsonb, trace_id text, created_by uuid, created_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select r.id, r.input, r.trace_id, r.created_by, r.created_at
  from public.runs r
  where r.id = any(p_run_ids);
$$;

comment on function engine.load_runs(uuid[]) is 'What expressions may read of a run that never changes.';

create function engine.load_outputs(p_run_ids uuid[], p_step_ids text[])
returns table (run_id uuid, step_id text, output jsonb)
language sql
stable
set search_path = ''
as $$
  select distinct on (w.run_id, c.step_id) w.run_id, c.step_id, c.patch -> c.step_id
  from unnest(p_run_ids, p_step_ids) as w (run_id, step_id)
  join public.run_context c
    on c.run_id = w.run_id and (w.step_id is null or c.step_id = w.step_id)
  where c.step_id is not null
  order by w.run_id, c.step_id, c.version desc;
$$;

comment on function engine.load_outputs(uuid[], text[]) is
'Outputs of steps by (run, step) pairs; a null step means all outputs of that run.';
