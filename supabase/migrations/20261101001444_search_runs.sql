-- The RPC that finds runs by a filter.

create function stepbase_private.read_cursor(
  p_cursor text, p_descending boolean, out after_time timestamptz, out after_id uuid
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_parts constant text[] := regexp_match(
    p_cursor, '^([+-])(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$'
  );
begin
  if p_cursor is null then
    return;
  end if;
  if v_parts is null or (v_parts[1] = '-') <> p_descending then
    perform stepbase_private.raise_error(
      'invalid_request', 'cursor is not a next_cursor of a search in this order', '{"path": "cursor"}'
    );
  end if;
  after_time := stepbase_private.iso_time(v_parts[2], 'cursor');
  after_id := v_parts[3]::uuid;
end;
$$;

comment on function stepbase_private.read_cursor(text, boolean) is
  'The place after which a page of runs begins; nulls for the first page. Errors: SB400 not a cursor of this order.';

-- Security definer: under row-level security PostgreSQL cannot use an index on expressions, such as that of error
-- codes, and the text index of workflows. This function checks the application and the permission itself.
create function stepbase_private.search_runs(
  p_filter jsonb, p_sort text, p_cursor text, p_page_size int, out run_ids uuid[], out next_cursor text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('run:read');
  v_descending constant boolean := p_sort = '-created_at';
  v_after record;
  v_page record;
begin
  if p_sort is null or p_sort not in ('-created_at', 'created_at') then
    perform stepbase_private.raise_error('invalid_request', 'sort must be -created_at or created_at', '{"path": "sort"}');
  end if;
  select c.after_time, c.after_id into v_after from stepbase_private.read_cursor(p_cursor, v_descending) c;
  select m.run_ids, m.next_time, m.next_id into v_page
  from stepbase_private.matching_runs(
    stepbase_private.read_filter(v_app_code, coalesce(p_filter, '{}')), v_descending,
    v_after.after_time, v_after.after_id,
    least(greatest(coalesce(p_page_size, 50), 1), 200)
  ) m;
  run_ids := v_page.run_ids;
  if v_page.next_id is not null then
    next_cursor := case when v_descending then '-' else '+' end
      || to_char(v_page.next_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '_' || v_page.next_id;
  end if;
end;
$$;

comment on function stepbase_private.search_runs(jsonb, text, text, int) is
  'The ids of a page of stepbase.search_runs, in order, and the cursor of the next page.';
grant execute on function stepbase_private.search_runs(jsonb, text, text, int) to authenticated;

create function stepbase.search_runs(
  filter jsonb default '{}',
  sort text default '-created_at',
  "cursor" text default null,
  page_size int default 50
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'items', (
      select coalesce(jsonb_agg(to_jsonb(x) - 'place' order by x.place), '[]')
      from (
        select
          i.place, r.id, r.app_code, r.workflow_id, r.workflow_version_id, r.status, r.trigger_type,
          r.priority, r.error, r.tags, r.metadata, r.idempotency_key, r.trace_id, r.parent_run_id,
          r.parent_step_run_id, r.parent_close_policy, r.origin_run_id, r.rerun_from_step, r.created_by,
          r.current_step, r.steps_total, r.steps_completed, r.open_steps, r.event_seq, r.context_version,
          r.is_limited, r.start_at, r.held_by, r.canary_id, r.edits, r.deadline_at, r.execution_engine,
          r.started_at, r.completed_at, r.paused_at, r.duration_ms, r.created_at, r.updated_at,
          (select w.kebab_name from stepbase.workflows w where w.id = r.workflow_id) as workflow,
          (select v.version from stepbase.workflow_versions v where v.id = r.workflow_version_id) as version,
          (select u.display_name from stepbase.users u where u.id = r.created_by) as created_by_name,
          -- Large inputs are not read for a list.
          case when pg_column_size(r.input) <= 8192 then left(r.input::text, 300) end as input_preview
        from unnest(s.run_ids) with ordinality i (id, place)
        cross join lateral (select o.* from stepbase.runs o where o.id = i.id limit 1) r
      ) x
    ),
    'next_cursor', s.next_cursor
  )
  from stepbase_private.search_runs(
    search_runs.filter, search_runs.sort, search_runs."cursor", search_runs.page_size
  ) s;
$$;

comment on function stepbase.search_runs(jsonb, text, text, int) is
  'Runs of the caller''s application that match a filter, as {items, next_cursor}; requires run:read. filter: {id, '
  'operation, idempotency_key, tag, input: {path: value}, status, workflow, version, trigger_type, created_by, error_code, '
  'created_from, created_before, text}, each optional. sort: -created_at or created_at. cursor: next_cursor of the page before; null: no '
  'further page. page_size: 1 to 200; a page may have fewer items. Items have no input and output; input_preview is '
  'the first 300 characters of the input, or null above 8 kB. created_by_name is null for a person whom the caller cannot read. '
  'Errors: SB400 invalid filter, sort or cursor, SB401, SB403, SB404 unknown workflow, version or operation.';
grant execute on function stepbase.search_runs(jsonb, text, text, int) to authenticated;
