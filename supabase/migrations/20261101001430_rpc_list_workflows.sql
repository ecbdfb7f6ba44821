-- The RPC that lists workflows with what people look for first: the last results, open runs and the next start. See
-- rpc_runs for the pattern. The order needs one number or text for each workflow of the application; everything else is
-- read for the workflows of the page only.

create type stepbase_private.workflow_filter as (words text, statuses text[], tags text[], project_id uuid);

create function stepbase_private.read_workflow_filter(p_filter jsonb)
returns stepbase_private.workflow_filter
language plpgsql
stable
set search_path = ''
as $$
declare
  c_keys constant text[] := '{text,status,tag,project}';
  v_filter jsonb;
  v_key text;
  v_read stepbase_private.workflow_filter;
begin
  if jsonb_typeof(p_filter) is distinct from 'object' then
    perform stepbase_private.raise_error('invalid_request', 'filter must be a JSON object');
  end if;
  select coalesce(jsonb_object_agg(f.key, f.value), '{}') into v_filter from jsonb_each(p_filter) f where f.value <> 'null';
  select k.key into v_key from jsonb_object_keys(v_filter) k (key) where k.key <> all(c_keys) order by 1 limit 1;
  if found then
    perform stepbase_private.refuse_filter('is unknown; a filter may have ' || array_to_string(c_keys, ', '), left(v_key, 100));
  end if;
  v_read.words := nullif(btrim(stepbase_private.filter_text(v_filter, 'text')), '');
  v_read.statuses := stepbase_private.filter_texts(
    v_filter, 'status', 10, array(select s.name from stepbase.workflow_statuses s order by s.ordinal)
  );
  v_read.tags := stepbase_private.filter_texts(v_filter, 'tag', 16);
  v_read.project_id := (stepbase_private.filter_uuids(array[stepbase_private.filter_text(v_filter, 'project')], 'project'))[1];
  return v_read;
end;
$$;

comment on function stepbase_private.read_workflow_filter(jsonb) is
  'The filter of stepbase.list_workflows, checked. Errors: SB400.';

create function stepbase_private.read_workflow_cursor(p_cursor text, p_sort text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_cursor jsonb;
begin
  if p_cursor is null then
    return null;
  end if;
  if pg_input_is_valid(p_cursor, 'jsonb') then
    v_cursor := p_cursor::jsonb;
  end if;
  if v_cursor is null or jsonb_typeof(v_cursor) <> 'array' or v_cursor ->> 0 is distinct from p_sort
    or not coalesce(
      jsonb_typeof(v_cursor -> 1) = 'string' and jsonb_typeof(v_cursor -> 2) = 'number'
      and pg_input_is_valid(v_cursor ->> 3, 'uuid'), false
    )
  then
    perform stepbase_private.raise_error(
      'invalid_request', 'cursor is not a next_cursor of a list in this order', '{"path": "cursor"}'
    );
  end if;
  return v_cursor;
end;
$$;

comment on function stepbase_private.read_workflow_cursor(text, text) is
  'The place after which a page of workflows begins, [sort, text, number, id]; null for the first page. Errors: SB400.';

create function stepbase_private.workflow_results(p_workflow_id uuid, p_app_code text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'last_run_at', max(r.created_at),
    'results', coalesce(
      jsonb_agg(
        jsonb_build_object('id', r.id, 'status', r.status, 'created_at', r.created_at, 'duration_ms', r.duration_ms)
        order by r.place
      ) filter (where r.place <= 20), '[]'
    ),
    'counted_runs', count(*) filter (where r.status in ('completed', 'failed', 'timed_out')),
    'success_rate', round(
      count(*) filter (where r.status = 'completed')::numeric
      / nullif(count(*) filter (where r.status in ('completed', 'failed', 'timed_out')), 0), 4
    ),
    'p95_duration_ms', percentile_disc(0.95) within group (order by r.duration_ms)
  )
  from (
    select x.id, x.status, x.created_at, x.duration_ms, row_number() over (order by x.created_at desc) as place
    from stepbase.runs x
    where x.workflow_id = p_workflow_id and x.app_code = p_app_code
    order by x.created_at desc
    limit 100
  ) r;
$$;

comment on function stepbase_private.workflow_results(uuid, text) is
  'The last 20 runs of a workflow, newest first, and the success rate and 95th percentile of the last 100.';

-- Security definer: row-level security would be evaluated for each run. This function checks the application and the
-- permissions itself.
create function stepbase_private.list_workflows(p_filter jsonb, p_sort text, p_cursor text, p_page_size int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:read');
  v_reads_runs constant boolean := stepbase_private.has_permission('run:read');
  v_reads_schedules constant boolean := stepbase_private.has_permission('schedule:read');
  v_size constant int := least(greatest(coalesce(p_page_size, 50), 1), 200);
  v_filter constant stepbase_private.workflow_filter := stepbase_private.read_workflow_filter(coalesce(p_filter, '{}'));
  v_after jsonb;
begin
  if coalesce(p_sort not in ('name', '-updated_at', '-last_run_at', '-open_runs', '-failed_runs'), true) then
    perform stepbase_private.raise_error(
      'invalid_request', 'sort must be name, -updated_at, -last_run_at, -open_runs or -failed_runs', '{"path": "sort"}'
    );
  end if;
  v_after := stepbase_private.read_workflow_cursor(p_cursor, p_sort);
  return (
    with
    open_runs as materialized (
      -- By the index of the open runs of the application, which its quota bounds.
      select r.workflow_id, count(*) as count
      from stepbase.runs r
      where v_reads_runs and r.app_code = v_app and r.status in ('pending', 'running', 'paused')
      group by r.workflow_id
    ),
    failed_runs as materialized (
      select r.workflow_id, count(*) as count
      from stepbase.runs r
      where v_reads_runs and r.app_code = v_app and r.status in ('failed', 'timed_out')
        and r.created_at >= stepbase_engine.now() - interval '1 day'
      group by r.workflow_id
    ),
    chosen as materialized (
      select w.*
      from stepbase.workflows w
      where w.app_code = v_app and w.deleted_at is null
        and case
          when v_filter.statuses is null then w.status <> 'archived'
          else w.status = any (v_filter.statuses)
        end
        and (v_filter.tags is null or w.tags @> v_filter.tags)
        and (v_filter.project_id is null or w.project_id = v_filter.project_id)
        and (
          v_filter.words is null or w.search @@ stepbase_private.search_query(v_filter.words)
          or strpos(w.kebab_name, lower(v_filter.words)) > 0
        )
    ),
    keyed as (
      select
        c.*, coalesce(o.count, 0) as open_count, coalesce(f.count, 0) as failed_count,
        case when p_sort = 'name' then lower(c.name) else '' end collate "C" as text_key,
        case p_sort
          when '-updated_at' then extract(epoch from c.updated_at)
          when '-last_run_at' then coalesce(extract(epoch from l.created_at), 0)
          when '-open_runs' then coalesce(o.count, 0)
          when '-failed_runs' then coalesce(f.count, 0)
          else 0
        end::numeric as number_key
      from chosen c
      left join open_runs o on o.workflow_id = c.id
      left join failed_runs f on f.workflow_id = c.id
      left join lateral (
        select r.created_at
        from stepbase.runs r
        where p_sort = '-last_run_at' and v_reads_runs and r.workflow_id = c.id and r.app_code = v_app
        order by r.created_at desc
        limit 1
      ) l on true
    ),
    page as (
      select k.*, row_number() over (order by k.text_key, k.number_key desc, k.id) as place
      from keyed k
      where v_after is null
        or (k.text_key, -k.number_key, k.id)
        > ((v_after ->> 1) collate "C", -(v_after ->> 2)::numeric, (v_after ->> 3)::uuid)
      order by k.text_key, k.number_key desc, k.id
      limit v_size + 1
    )
    select jsonb_build_object(
      'items', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object(
              'id', p.id, 'kebab_name', p.kebab_name, 'name', p.name, 'description', p.description, 'status', p.status,
              'tags', p.tags, 'updated_at', p.updated_at, 'owner', u.display_name,
              'project', case when j.id is not null then jsonb_build_object('id', j.id, 'name', j.name) end,
              'published_version', published.version, 'latest_version', latest.version,
              'has_draft', coalesce(latest.status = 'draft', false), 'canary_percent', canary.percent,
              'next_start_at', s.next_start_at
            )
            || case
              when v_reads_runs then
                stepbase_private.workflow_results(p.id, v_app)
                || jsonb_build_object('open_runs', p.open_count, 'failed_runs', p.failed_count)
              else '{}'
            end
            order by p.place
          )
          from page p
          left join stepbase.users u on u.id = p.created_by
          left join stepbase.projects j on j.id = p.project_id and j.app_code = v_app
          left join stepbase.workflow_versions published on published.id = p.published_version_id
          left join stepbase.workflow_versions latest on latest.id = p.latest_version_id
          left join stepbase.workflow_canaries canary on canary.id = p.canary_id
          left join lateral (
            select min(x.next_run_at) as next_start_at
            from stepbase.workflow_schedules x
            where v_reads_schedules and x.workflow_id = p.id and x.app_code = v_app and x.is_enabled
              and x.next_run_at is not null
          ) s on true
          where p.place <= v_size
        ), '[]'
      ),
      'next_cursor', (
        select jsonb_build_array(p_sort, p.text_key, p.number_key, p.id)::text
        from page p
        where p.place = v_size and exists (select 1 from page q where q.place > v_size)
      ),
      'total', (select count(*) from chosen),
      'tags', coalesce(
        (
          select jsonb_agg(t.tag order by t.tag)
          from (
            select g.tag
            from stepbase.workflows w
            cross join unnest(w.tags) g (tag)
            where w.app_code = v_app and w.deleted_at is null
            group by g.tag
            order by count(*) desc, g.tag
            limit 50
          ) t
        ), '[]'
      ),
      'statuses', (
        select coalesce(jsonb_object_agg(t.status, t.count), '{}')
        from (
          select w.status, count(*) as count
          from stepbase.workflows w
          where w.app_code = v_app and w.deleted_at is null
          group by w.status
        ) t
      )
    )
  );
end;
$$;

comment on function stepbase_private.list_workflows(jsonb, text, text, int) is 'Implements stepbase.list_workflows.';
grant execute on function stepbase_private.list_workflows(jsonb, text, text, int) to authenticated;

create function stepbase.list_workflows(
  filter jsonb default '{}', sort text default 'name', "cursor" text default null, page_size int default 50
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.list_workflows(
    list_workflows.filter, list_workflows.sort, list_workflows."cursor", list_workflows.page_size
  );
$$;

comment on function stepbase.list_workflows(jsonb, text, text, int) is
  'Workflows of the caller''s application with their last results, as {items, next_cursor, total, tags, statuses}; requires '
  'workflow:read. filter: {text, status, tag, project}, each optional; without status, archived workflows are left out. sort: '
  'name, -updated_at, -last_run_at, -open_runs or -failed_runs (of the last day). cursor: next_cursor of the page before; null: '
  'no further page. page_size: 1 to 200. Items have results (the last 20 runs), counted_runs, success_rate and p95_duration_ms '
  '(of the last 100 runs), open_runs and failed_runs if the caller has run:read, and next_start_at. tags: the 50 most '
  'frequent; statuses: workflows by status. Errors: SB400 invalid filter, sort or cursor, SB401, SB403.';
grant execute on function stepbase.list_workflows(jsonb, text, text, int) to authenticated;
