-- Why a pending run may not enter the queue yet, or a step may not start: an incident switch, a later start time, a
-- debounce or batch that still collects starts, a concurrency key, or a throttle.

create function stepbase_engine.explain_switch(p_run stepbase.runs, p_is_start boolean)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'incident_switch',
    format(
      'An incident switch of the %s (%s) has stopped it since %s: %s. release_incident_switch continues it.',
      replace(i.scope, '_', ' '), i.mode, stepbase_engine.time_text(i.created_at), rtrim(i.reason, '.')
    ),
    i.created_at, null,
    jsonb_build_object('switch_id', i.id, 'scope', i.scope, 'mode', i.mode)
  )
  from stepbase.incident_switches i
  where i.released_at is null
    and stepbase_engine.switch_applies(i, p_run.app_code, p_run.workflow_id)
    and (p_is_start or i.mode = 'pause')
    and stepbase_engine.is_suspended(p_run.id, p_is_start)
  order by i.created_at, i.id
  limit 1;
$$;

comment on function stepbase_engine.explain_switch(stepbase.runs, boolean) is
  'Reason incident_switch: the oldest switch that suspends the start of a run (p_is_start) or its next step. Null without one.';

create function stepbase_engine.explain_hold(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when p_run.start_at <= stepbase_engine.now() then stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'start_due', format('The start was due at %s.', stepbase_engine.time_text(p_run.start_at)), p_run.start_at
      ),
      p_run.app_code
    )
    when h.kind is null then stepbase_engine.reason(
      'start_at', format('Starts at %s.', stepbase_engine.time_text(p_run.start_at)), p_run.created_at, p_run.start_at
    )
    when h.kind = 'batch' then stepbase_engine.reason(
      'batch',
      format(
        'Collects a batch: %s of %s items. It starts with the last one, or at %s.', h.items, h.max_count,
        stepbase_engine.time_text(p_run.start_at)
      ),
      p_run.created_at, p_run.start_at, jsonb_build_object('items', h.items, 'max_items', h.max_count)
    )
    else stepbase_engine.reason(
      'debounce',
      format(
        'Starts at %s, unless another start with the same key comes first and replaces its input.',
        stepbase_engine.time_text(p_run.start_at)
      ),
      p_run.created_at, p_run.start_at
    )
  end
  from (values (true)) as always
  left join lateral (
    select c.kind, c.max_count, f.items
    from stepbase.workflow_flow_controls c
    join stepbase_engine.flow_holds f on f.run_id = p_run.id
      and f.key_id = stepbase_engine.flow_key(
        c, case c.kind when 'batch' then p_run.input #> '{items,0}' else p_run.input end
      )
    where c.workflow_id = p_run.workflow_id and c.kind in ('debounce', 'batch')
    limit 1
  ) h on true
  where p_run.held_by is not null;
$$;

comment on function stepbase_engine.explain_hold(stepbase.runs) is
  'Reasons start_at, debounce, batch and start_due (or no_worker): the time or the starts that a held run waits for. Null for '
  'other runs.';

create function stepbase_engine.explain_flow(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  select case b.kind
    when 'concurrency' then stepbase_engine.needs_slot(
      'concurrency_key', stepbase_engine.place_text(a.runs + 1, t.runs, 10000) || ' for a slot of its concurrency key',
      s.busy, c.max_count, p_run.created_at, p_run.app_code, f.facts
    )
    else stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'throttle',
        stepbase_engine.place_text(a.runs + 1, t.runs, 10000)
        || format(
          ' of the throttle: %s %s in %s s for this key.%s', c.max_count,
          case c.max_count when 1 then 'start' else 'starts' end, c.period_seconds,
          coalesce(' The next start is at ' || stepbase_engine.time_text(r.due_at) || '.', '')
        ),
        p_run.created_at, null, f.facts || jsonb_build_object('next_start_at', r.due_at)
      ),
      p_run.app_code
    )
  end
  from stepbase_engine.flow_backlog b
  join stepbase.workflow_flow_controls c on c.workflow_id = b.workflow_id and c.kind = b.kind
  left join stepbase_engine.flow_rates r on r.key_id = b.key_id
  cross join lateral (
    select count(*) as runs
    from (
      (
        select 1 from stepbase_engine.flow_backlog o
        where o.workflow_id = b.workflow_id and o.kind = b.kind and o.key_id = b.key_id and o.priority > b.priority
        limit 10001
      )
      union all
      (
        select 1 from stepbase_engine.flow_backlog o
        where o.workflow_id = b.workflow_id and o.kind = b.kind and o.key_id = b.key_id
          and o.priority = b.priority and o.arrival < b.arrival
        limit 10001
      )
    ) x
  ) a
  cross join lateral (
    select count(*) as runs
    from (
      select 1 from stepbase_engine.flow_backlog o
      where o.workflow_id = b.workflow_id and o.kind = b.kind and o.key_id = b.key_id
      limit 10001
    ) x
  ) t
  cross join lateral (
    select count(*) as busy from (select 1 from stepbase_engine.run_slots o where o.limit_id = b.key_id limit 10001) x
  ) s
  cross join lateral (
    select jsonb_build_object(
      'place', case when a.runs <= 10000 then a.runs + 1 end, 'total', least(t.runs, 10000), 'key_path', c.key_path
    ) as facts
  ) f
  where b.run_id = p_run.id;
$$;

comment on function stepbase_engine.explain_flow(stepbase.runs) is
  'Reasons concurrency_key and throttle (or admission, no_worker): the place of a run in the line of its key, counted up to '
  '10,000, and the busy slots or the next start. Null if the run is in no line.';
