-- The nodes of explain: how the engine executes each node of a version, in topological order.

create function stepbase_engine.expression_facts(p_node_type text, p_config jsonb)
returns table (reads_everything boolean, secrets text[])
language sql
stable
set search_path = ''
as $$
  with expression as (
    select x.expression, x.language,
      regexp_replace(x.expression, '"(?:[^"\\]|\\.)*(?:"|\\?$)|''(?:[^''\\]|\\.)*(?:''|\\?$)', '""', 'g') as bare
    from stepbase_private.config_expressions(p_node_type, p_config) as x
  )
  select
    coalesce(bool_or(
      '*' = any (stepbase_private.referenced_steps(e.expression, e.language))
      or e.bare ~ '(^|[^A-Za-z0-9_$.])context([^A-Za-z0-9_]|$)'
    ), false),
    array(
      select distinct coalesce(m.hit[1], m.hit[2])
      from expression s
      cross join regexp_matches(
        s.bare,
        '(?:^|\$\.|[^A-Za-z0-9_$.])`?secrets(?![A-Za-z0-9_$])`?\s*\.\s*(?:([A-Za-z_][A-Za-z0-9_]*)|`([^`]+)`)', 'g'
      ) as m (hit)
      order by 1
    )
  from expression e;
$$;

comment on function stepbase_engine.expression_facts(text, jsonb) is
  'Whether the expressions of a config may read every output of the run, and the names of the secrets they read.';

create function stepbase_engine.retry_plan(p_retry jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- Without jitter: the longest waits.
  with wait as (
    select
      a.attempt,
      extract(epoch from stepbase_engine.retry_delay(p_retry || '{"jitter": 0}', a.attempt)) * 1000 as ms
    from generate_series(1, stepbase_engine.max_attempts(p_retry) - 1) as a (attempt)
    where jsonb_typeof(p_retry) = 'object'
  )
  select p_retry || jsonb_build_object(
    'waits_ms', coalesce((select jsonb_agg(w.ms::bigint order by w.attempt) from wait w), '[]'),
    'all_waits_ms', coalesce((select sum(w.ms)::bigint from wait w), 0)
  )
  where jsonb_typeof(p_retry) = 'object' and p_retry ? 'max_attempts';
$$;

comment on function stepbase_engine.retry_plan(jsonb) is 'A retry policy with its waits without jitter: waits_ms, all_waits_ms. Null without max_attempts.';

create function stepbase_engine.deadline_of(p_type stepbase.step_types, p_config jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select p_config -> k.key
  from unnest(p_type.deadline_keys) with ordinality as k (key, place)
  where p_config ? k.key
  order by k.place
  limit 1;
$$;

comment on function stepbase_engine.deadline_of(stepbase.step_types, jsonb) is
  'Limit of the wait of a step in its config: milliseconds, a date or a template; null: none.';

create function stepbase_engine.may_wait_forever(p_type stepbase.step_types, p_config jsonb, p_retry jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Delays, child runs and items of a for_each end by themselves; a user, a signal or a queue item may never come.
  select coalesce(p_type.wait_kind in ('task', 'signal', 'queue'), false)
    and p_config -> 'wait' is distinct from 'false'
    and coalesce(stepbase_engine.deadline_of(p_type, p_config), 'null') = 'null'
    -- max_elapsed_ms limits the waits of a step, too.
    and not coalesce(p_retry ? 'max_elapsed_ms', false);
$$;

comment on function stepbase_engine.may_wait_forever(stepbase.step_types, jsonb, jsonb) is
  'Whether a step may wait forever: it waits for a user, a signal or a queue item, and has no deadline.';

create function stepbase_engine.explain_nodes(p_workflow_version_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_strip_nulls(jsonb_build_object(
      'ordinal', n.ordinal,
      'id', n.node_id,
      'type', n.node_type,
      'label', n.label,
      'reads', to_jsonb(n.reads),
      'reads_everything', f.reads_everything,
      'secrets', to_jsonb(f.secrets),
      'from', (
        select coalesce(jsonb_agg(jsonb_strip_nulls(
          jsonb_build_object('node', e.source_node_id, 'handle', e.source_handle)) order by e.edge_id), '[]')
        from stepbase.workflow_edges e
        where e.workflow_version_id = n.workflow_version_id and e.target_node_id = n.node_id
      ),
      'to', (
        select coalesce(jsonb_agg(jsonb_strip_nulls(
          jsonb_build_object('node', e.target_node_id, 'handle', e.source_handle)) order by e.edge_id), '[]')
        from stepbase.workflow_edges e
        where e.workflow_version_id = n.workflow_version_id and e.source_node_id = n.node_id
      ),
      'join', n.join_mode,
      'on_error', n.on_error,
      'attempt_timeout_ms', case
        when t.default_timeout_ms is not null
          then coalesce(n.timeout_ms, item.default_timeout_ms, t.default_timeout_ms)
      end,
      'deadline_ms', stepbase_engine.deadline_of(t, n.config),
      'concurrency', case t.wait_kind
        when 'items' then coalesce(n.config -> 'concurrency', t.config_schema #> '{properties,concurrency,default}')
      end,
      'each', n.config -> 'step' -> 'type',
      'workflow', case t.wait_kind when 'child' then n.config -> 'workflow' end,
      'component', n.config -> 'component',
      'components', (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'part', x.part, 'reference', x.reference, 'id', c.id, 'app_code', c.app_code, 'name', c.name,
          'version', c.version)))
        from stepbase_engine.node_components(n) x
        left join stepbase.components c on c.id = x.component_id
      ),
      'compensate', n.compensate -> 'type',
      'retry', stepbase_engine.retry_plan(n.retry)
    )) order by n.ordinal
  ), '[]')
  from stepbase.workflow_nodes n
  join stepbase.step_types t on t.name = n.node_type
  -- The step that a for_each runs for each item.
  left join stepbase.step_types item on item.name = n.config #>> '{step,type}'
  cross join lateral stepbase_engine.expression_facts(n.node_type, n.config) f
  where n.workflow_version_id = p_workflow_version_id;
$$;

comment on function stepbase_engine.explain_nodes(uuid) is
  'The nodes of a version as an array in topological order: reads, secrets, edges, timeouts, deadline, retry plan, '
  'and the components that the version is pinned to.';
