-- The RPC of the statistics over time, for charts: the numbers of stepbase.read_statistics in equal steps.

-- Security definer: clients cannot read the buckets. It checks the application and the permission itself.
create function stepbase_private.read_statistics_series(
  p_since timestamptz, p_until timestamptz, p_step_minutes int, p_workflow_id uuid
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most_points constant int := 500;
  v_app_code constant text := stepbase_private.require_permission('stats:read');
  v_step constant interval := make_interval(mins => p_step_minutes);
  v_until constant timestamptz := coalesce(p_until, stepbase_engine.now());
  v_since constant timestamptz := date_bin(
    make_interval(mins => greatest(coalesce(p_step_minutes, 60), 1)),
    coalesce(p_since, v_until - interval '1 day'), timestamptz '2000-01-01 00:00+00'
  );
begin
  if coalesce(p_step_minutes not between 1 and 10080, true) then
    perform stepbase_private.raise_error(
      'invalid_request', 'step_minutes must be between 1 and 10080', '{"path": "step_minutes"}'
    );
  elsif v_since >= v_until then
    perform stepbase_private.raise_error('invalid_request', 'since must be before until', '{"path": "since"}');
  elsif v_until - v_since > v_step * c_most_points then
    perform stepbase_private.raise_error(
      'invalid_request', format('since to until must have at most %s steps', c_most_points), '{"path": "step_minutes"}'
    );
  end if;
  return (
    with slots as (
      select
        date_bin(v_step, b.bucket_at, v_since) as at, b.slot, sum(b.completed) as completed, sum(b.failed) as failed,
        sum(b.cancelled) as cancelled, sum(b.completed + b.failed + b.cancelled) as total
      from stepbase_engine.statistics_buckets b
      where b.step_id is null and b.app_code = v_app_code and b.bucket_at >= v_since and b.bucket_at < v_until
        and (p_workflow_id is null or b.workflow_id = p_workflow_id)
      group by 1, 2
    ),
    placed as (
      select
        s.*,
        sum(s.total) filter (where s.slot >= 0) over (partition by s.at order by s.slot) as up_to,
        sum(s.total) filter (where s.slot >= 0) over (partition by s.at) as timed
      from slots s
    ),
    points as (
      select
        p.at, sum(p.completed) as completed, sum(p.failed) as failed, sum(p.cancelled) as cancelled,
        stepbase_engine.slot_duration(min(p.slot) filter (where p.up_to >= 0.5 * p.timed)) as p50_duration_ms,
        stepbase_engine.slot_duration(min(p.slot) filter (where p.up_to >= 0.95 * p.timed)) as p95_duration_ms
      from placed p
      group by p.at
    )
    select jsonb_build_object(
      'since', v_since, 'until', v_until, 'step_minutes', p_step_minutes,
      'points', jsonb_agg(
        jsonb_build_object(
          'at', t.at, 'completed', coalesce(p.completed, 0), 'failed', coalesce(p.failed, 0),
          'cancelled', coalesce(p.cancelled, 0), 'p50_duration_ms', p.p50_duration_ms,
          'p95_duration_ms', p.p95_duration_ms
        ) order by t.at
      )
    )
    from generate_series(v_since, v_until - interval '1 microsecond', v_step) t (at)
    left join points p on p.at = t.at
  );
end;
$$;

comment on function stepbase_private.read_statistics_series(timestamptz, timestamptz, int, uuid) is
  'Implements stepbase.read_statistics_series.';
grant execute on function stepbase_private.read_statistics_series(timestamptz, timestamptz, int, uuid) to authenticated;

create function stepbase.read_statistics_series(
  since text default null, until text default null, step_minutes int default 60, workflow_id uuid default null
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.read_statistics_series(
    stepbase_private.iso_time(read_statistics_series.since, 'since'),
    stepbase_private.iso_time(read_statistics_series.until, 'until'),
    read_statistics_series.step_minutes, read_statistics_series.workflow_id
  );
$$;

comment on function stepbase.read_statistics_series(text, text, int, uuid) is
  'Counts and durations of the runs that ended from since (default: a day before until) to until (default: now), in steps of '
  'step_minutes (1 to 10080, at most 500 steps). Returns {since, until, step_minutes, points}: since is the begin of the first '
  'step; each point has at, completed, failed, cancelled, p50_duration_ms and p95_duration_ms (null without a run; at most 10 % '
  'off). More than a day ago, runs are counted by the hour: use steps of full hours. Requires stats:read. Errors: SB400, SB401, '
  'SB403.';
grant execute on function stepbase.read_statistics_series(text, text, int, uuid) to authenticated;
