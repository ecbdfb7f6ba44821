-- The RPC of the statistics by time. See rpc_runs for the pattern.

-- Security definer: clients cannot read the buckets. It checks the application and the permission itself.
create function stepbase_private.read_statistics(
  p_group_by text, p_since timestamptz, p_until timestamptz, p_workflow_id uuid
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most_items constant int := 1000;
  v_app_code constant text := stepbase_private.require_permission('stats:read');
  v_until constant timestamptz := coalesce(p_until, stepbase_engine.now());
  v_since constant timestamptz := coalesce(p_since, v_until - interval '1 day');
begin
  if coalesce(p_group_by not in ('application', 'project', 'workflow', 'step', 'step_type', 'component'), true) then
    perform stepbase_private.raise_error(
      'invalid_request', 'group_by must be application, project, workflow, step, step_type or component',
      '{"path": "group_by"}'
    );
  end if;
  if v_since >= v_until then
    perform stepbase_private.raise_error('invalid_request', 'since must be before until', '{"path": "since"}');
  end if;
  return (
    with bucket as (
      -- Runs have an index of their own, because steps have many more rows.
      select * from stepbase_engine.statistics_buckets b
      where p_group_by in ('application', 'project', 'workflow') and b.step_id is null
        and b.app_code = v_app_code and b.bucket_at >= v_since and b.bucket_at < v_until
      union all
      select * from stepbase_engine.statistics_buckets b
      where p_group_by in ('step', 'step_type', 'component') and b.step_id is not null
        and b.app_code = v_app_code and b.bucket_at >= v_since and b.bucket_at < v_until
    ),
    summed as (
      -- By plain columns first: there are many buckets, and few sums whose subject is built.
      select
        b.workflow_id, b.step_id, b.step_type, b.component_id, b.slot, sum(b.completed) as completed,
        sum(b.failed) as failed, sum(b.cancelled) as cancelled, sum(b.duration_ms) as duration_ms
      from bucket b
      where (p_workflow_id is null or b.workflow_id = p_workflow_id)
        and (p_group_by <> 'component' or b.component_id is not null)
      group by b.workflow_id, b.step_id, b.step_type, b.component_id, b.slot
    ),
    slots as (
      select
        x.subject, x.slot, sum(x.completed) as completed, sum(x.failed) as failed, sum(x.cancelled) as cancelled,
        sum(x.duration_ms) as duration_ms, sum(x.completed + x.failed + x.cancelled) as total
      from (
        select
          case p_group_by
            when 'application' then jsonb_build_object('app_code', w.app_code)
            when 'project' then jsonb_build_object('project_id', w.project_id)
            when 'workflow' then jsonb_build_object('workflow_id', s.workflow_id)
            when 'step' then jsonb_build_object('workflow_id', s.workflow_id, 'step_id', s.step_id)
            when 'step_type' then jsonb_build_object('step_type', s.step_type)
            else jsonb_build_object('component_id', s.component_id)
          end as subject,
          s.slot, s.completed, s.failed, s.cancelled, s.duration_ms
        from summed s
        join stepbase.workflows w on w.id = s.workflow_id and w.app_code = v_app_code
      ) x
      group by x.subject, x.slot
    ),
    placed as (
      select
        s.*,
        sum(s.total) filter (where s.slot >= 0) over (partition by s.subject order by s.slot) as up_to,
        sum(s.total) filter (where s.slot >= 0) over (partition by s.subject) as timed
      from slots s
    ),
    items as (
      select
        p.subject, sum(p.total)::bigint as total,
        p.subject || jsonb_build_object(
          'total', sum(p.total), 'completed', sum(p.completed), 'failed', sum(p.failed), 'cancelled', sum(p.cancelled),
          'success_rate', round(sum(p.completed) / nullif(sum(p.completed + p.failed), 0), 4),
          'avg_duration_ms', round(sum(p.duration_ms) / max(p.timed)),
          'p50_duration_ms', stepbase_engine.slot_duration(min(p.slot) filter (where p.up_to >= 0.5 * p.timed)),
          'p95_duration_ms', stepbase_engine.slot_duration(min(p.slot) filter (where p.up_to >= 0.95 * p.timed))
        ) as item
      from placed p
      group by p.subject
      order by 2 desc, p.subject
      limit c_most_items
    )
    select jsonb_build_object(
      'since', v_since, 'until', v_until, 'settled_at', (select g.settled_at from stepbase_engine.statistics_progress g),
      'items', coalesce(jsonb_agg(i.item order by i.total desc, i.subject), '[]')
    )
    from items i
  );
end;
$$;

comment on function stepbase_private.read_statistics(text, timestamptz, timestamptz, uuid) is
  'Implements stepbase.read_statistics.';
grant execute on function stepbase_private.read_statistics(text, timestamptz, timestamptz, uuid) to authenticated;

create function stepbase.read_statistics(
  group_by text default 'workflow', since text default null, until text default null, workflow_id uuid default null
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.read_statistics(
    read_statistics.group_by, stepbase_private.iso_time(read_statistics.since, 'since'),
    stepbase_private.iso_time(read_statistics.until, 'until'), read_statistics.workflow_id
  );
$$;

comment on function stepbase.read_statistics(text, text, text, uuid) is
  'Counts and durations of runs (group_by application, project, workflow) or of step attempts (step, step_type, component) of '
  'runs that ended from since (default: a day before until) to until (default: now). Current to the minute; by the hour for '
  'times more than a day ago. Returns {since, until, settled_at, items}: the 1,000 largest items with total, completed, failed, '
  'cancelled, success_rate, avg_duration_ms, p50_duration_ms and p95_duration_ms; percentiles are at most 10 % off. Requires '
  'stats:read. Errors: SB400, SB401, SB403.';
grant execute on function stepbase.read_statistics(text, text, text, uuid) to authenticated;
