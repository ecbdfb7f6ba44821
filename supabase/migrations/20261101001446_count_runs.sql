-- The RPC that counts the runs of a filter by status, up to a bound: what the list of runs shows beside each status.

create function stepbase_private.count_by_status(p_filter stepbase_private.run_filter, p_most int)
returns jsonb
language sql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  select jsonb_object_agg(s.name, n.runs)
  from stepbase.run_statuses s
  cross join lateral (
    select count(*) as runs
    from (
      select 1
      from stepbase.runs r
      where r.app_code = p_filter.app_code and r.status = s.name
        and r.created_at >= coalesce(p_filter.created_from, '-infinity')
        and r.created_at < coalesce(p_filter.created_before, 'infinity')
      limit p_most + 1
    ) x
  ) n;
$$;

comment on function stepbase_private.count_by_status(stepbase_private.run_filter, int) is
  'How many runs an application has in each status in a time, by the entries of an index; each at most p_most + 1.';

-- Security definer, as search_runs: indexes on expressions, which row-level security hides.
create function stepbase_private.count_runs(p_filter jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most constant int := 10000;
  c_pages constant int := 5;
  v_app_code constant text := stepbase_private.require_permission('run:read');
  v_filter stepbase_private.run_filter := stepbase_private.read_filter(v_app_code, coalesce(p_filter, '{}') - 'status');
  v_counts jsonb;
  v_ids uuid[] := '{}';
  v_page_ids uuid[];
  v_time timestamptz;
  v_id uuid;
begin
  if num_nonnulls(
    v_filter.ids, v_filter.idempotency_key, v_filter.tags, v_filter.paths, v_filter.workflow_ids, v_filter.version_id,
    v_filter.trigger_types, v_filter.created_by, v_filter.error_code
  ) = 0 then
    v_counts := stepbase_private.count_by_status(v_filter, c_most);
    return jsonb_build_object(
      'by_status', (select jsonb_object_agg(c.key, least(c.value::int, c_most)) from jsonb_each_text(v_counts) c),
      'capped', (
        select coalesce(jsonb_agg(c.key order by c.key), '[]')
        from jsonb_each_text(v_counts) c
        where c.value::int > c_most
      ),
      'is_complete', not exists (select 1 from jsonb_each_text(v_counts) c where c.value::int > c_most)
    );
  end if;
  -- A page examines about 10,000 runs.
  for i in 1..c_pages loop
    select m.run_ids, m.next_time, m.next_id into v_page_ids, v_time, v_id
    from stepbase_private.matching_runs(v_filter, true, v_time, v_id, 2000) m;
    v_ids := v_ids || v_page_ids;
    exit when v_id is null;
  end loop;
  return jsonb_build_object(
    'by_status', (
      select jsonb_object_agg(s.name, coalesce(c.runs, 0))
      from stepbase.run_statuses s
      left join (
        select r.status, count(*) as runs
        from unnest(v_ids) i (id)
        cross join lateral (select o.status from stepbase.runs o where o.id = i.id offset 0) r
        group by r.status
      ) c on c.status = s.name
    ),
    'capped', '[]'::jsonb,
    'is_complete', v_id is null
  );
end;
$$;

comment on function stepbase_private.count_runs(jsonb) is 'Implements stepbase.count_runs.';
grant execute on function stepbase_private.count_runs(jsonb) to authenticated;

create function stepbase.count_runs(filter jsonb default '{}')
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.count_runs(count_runs.filter);
$$;

comment on function stepbase.count_runs(jsonb) is
  'How many runs of the caller''s application match a filter of search_runs, by status: {by_status, capped, is_complete}. The '
  'key status of the filter has no effect. by_status has each status, also with 0. Each number is at most 10,000; capped names '
  'the statuses with more runs. is_complete: false if the numbers are lower bounds, because more runs exist than were counted. '
  'Requires run:read. Errors: SB400, SB401, SB403, SB404 unknown workflow or version.';
grant execute on function stepbase.count_runs(jsonb) to authenticated;
