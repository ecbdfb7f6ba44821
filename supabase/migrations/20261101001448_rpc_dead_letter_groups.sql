-- The RPC that groups dead letters by workflow, error code and version.

-- Security definer, as search_runs: the index on the time of failures, which row-level security would make a filter.
create function stepbase_private.dead_letter_groups(p_since timestamptz, p_until timestamptz, p_workflow text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most_runs constant int := 20000;
  c_most_groups constant int := 200;
  c_buckets constant int := 24;
  v_app_code constant text := stepbase_private.require_permission('run:read');
  v_until constant timestamptz := coalesce(p_until, stepbase_engine.now());
  v_since constant timestamptz := coalesce(p_since, v_until - interval '7 days');
  v_workflow_id uuid;
begin
  if v_since >= v_until then
    perform stepbase_private.raise_error('invalid_request', 'since must be before until', '{"path": "since"}');
  end if;
  if p_workflow is not null then
    select w.id into v_workflow_id
    from stepbase.workflows w
    where w.app_code = v_app_code and w.kebab_name = p_workflow;
    if not found then
      perform stepbase_private.raise_error(
        'not_found', format('Workflow %s does not exist', p_workflow), jsonb_build_object('workflow', p_workflow)
      );
    end if;
  end if;
  return (
    with dead as (
      select
        r.id, r.workflow_id, r.workflow_version_id, coalesce(r.error ->> 'code', r.status) as code, r.created_at,
        r.completed_at, r.parent_run_id is not null as is_child,
        exists (select 1 from stepbase.runs n where n.origin_run_id = r.id and n.app_code = r.app_code) as is_redriven,
        least(
          width_bucket(
            extract(epoch from r.completed_at), extract(epoch from v_since), extract(epoch from v_until), c_buckets
          ),
          c_buckets
        ) as bucket
      from stepbase.runs r
      where r.app_code = v_app_code and r.status in ('failed', 'timed_out')
        and r.completed_at >= v_since and r.completed_at < v_until
        and (v_workflow_id is null or r.workflow_id = v_workflow_id)
      order by r.completed_at desc
      limit c_most_runs
    ),
    all_groups as (
      select
        d.workflow_id, d.workflow_version_id, d.code, count(*) as total,
        count(*) filter (where d.is_redriven) as redriven, count(*) filter (where d.is_child) as children,
        min(d.completed_at) as first_at, max(d.completed_at) as last_at, min(d.created_at) as created_from,
        max(d.created_at) as created_to, (array_agg(d.id order by d.completed_at desc))[1] as sample_id
      from dead d
      group by d.workflow_id, d.workflow_version_id, d.code
    ),
    groups as (
      select * from all_groups
      order by total desc, last_at desc
      limit c_most_groups
    )
    select jsonb_build_object(
      'since', v_since, 'until', v_until, 'is_complete',
      (select count(*) < c_most_runs from dead) and (select count(*) <= c_most_groups from all_groups),
      'items', coalesce(jsonb_agg(jsonb_build_object(
        'workflow', w.kebab_name, 'workflow_name', w.name, 'version', v.version, 'error_code', g.code, 'total', g.total,
        'redriven', g.redriven, 'children', g.children, 'first_at', g.first_at, 'last_at', g.last_at,
        'created_from', g.created_from, 'created_to', g.created_to,
        'sample', jsonb_build_object(
          'run_id', s.id, 'step_id', s.error ->> 'step_id', 'message', left(s.error ->> 'message', 1000)
        ),
        'series', (
          select jsonb_agg(coalesce(c.runs, 0) order by b.bucket)
          from generate_series(1, c_buckets) b (bucket)
          left join (
            select d.bucket, count(*) as runs
            from dead d
            where d.workflow_id = g.workflow_id and d.workflow_version_id = g.workflow_version_id and d.code = g.code
            group by d.bucket
          ) c on c.bucket = b.bucket
        )
      ) order by g.total desc, g.last_at desc), '[]')
    )
    from groups g
    join stepbase.workflows w on w.id = g.workflow_id
    join stepbase.workflow_versions v on v.id = g.workflow_version_id
    join stepbase.runs s on s.id = g.sample_id
  );
end;
$$;

comment on function stepbase_private.dead_letter_groups(timestamptz, timestamptz, text) is
  'Implements stepbase.dead_letter_groups.';
grant execute on function stepbase_private.dead_letter_groups(timestamptz, timestamptz, text) to authenticated;

create function stepbase.dead_letter_groups(
  since text default null,
  until text default null,
  workflow text default null
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.dead_letter_groups(
    stepbase_private.iso_time(dead_letter_groups.since, 'since'),
    stepbase_private.iso_time(dead_letter_groups.until, 'until'),
    dead_letter_groups.workflow
  );
$$;

comment on function stepbase.dead_letter_groups(text, text, text) is
  'The runs of the caller''s application, or of one workflow (its kebab_name), that failed or timed out from since (default: 7 '
  'days before until) to until (default: now), grouped by workflow, version and error code. Returns {since, until, is_complete, '
  'items}; the largest groups first, at most 200. An item has workflow, workflow_name, version, error_code, total, redriven '
  '(runs with a newer run), children (child runs, which redrive leaves out), first_at, last_at, created_from and created_to (the '
  'bounds of created_at), sample (run_id, step_id, message of the latest run) and series (the number of runs in each of 24 equal '
  'parts of the time). is_complete: false if there are more groups, or if only the latest 20,000 runs are counted. Requires '
  'run:read. Errors: SB400, SB401, SB403, SB404 unknown workflow.';
grant execute on function stepbase.dead_letter_groups(text, text, text) to authenticated;
