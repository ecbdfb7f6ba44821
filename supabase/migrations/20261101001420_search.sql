-- Text search for workflows, and for runs by their workflow. The cost does not grow with the number of runs.

create function stepbase_private.search_query(p_query text)
returns tsquery
language plpgsql
stable
set search_path = ''
as $$
begin
  -- PostgreSQL parses the operators of a query by recursion.
  if length(p_query) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'A search query has at most 1000 characters');
  end if;
  return websearch_to_tsquery('english'::regconfig, p_query);
end;
$$;

comment on function stepbase_private.search_query(text) is
  'A search query in websearch syntax. Raises SB400 invalid_request beyond 1,000 characters.';
grant execute on function stepbase_private.search_query(text) to authenticated;

-- Security definer: under row-level security PostgreSQL evaluates the search operator only on rows that the policies
-- let through, so it could not use the text index. This function checks the application itself.
create function stepbase_private.matching_workflows(p_query text)
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.require_named_app();
  return query
  select w.id
  from stepbase.workflows w
  where w.search @@ stepbase_private.search_query(p_query)
    and w.deleted_at is null
    and w.app_code = stepbase_private.app_code()
    and stepbase_private.has_permission('workflow:read');
end;
$$;

comment on function stepbase_private.matching_workflows(text) is
  'Ids of the workflows of the caller''s application whose name or description matches p_query (websearch syntax); '
  'empty without workflow:read.';
grant execute on function stepbase_private.matching_workflows(text) to authenticated;

create function stepbase.search_workflows(query text)
returns setof stepbase.workflows
language sql
stable
set search_path = ''
as $$
  select w.*
  from stepbase.workflows w
  where w.id in (select stepbase_private.matching_workflows(search_workflows.query))
  order by ts_rank(w.search, stepbase_private.search_query(search_workflows.query)) desc, w.updated_at desc
  limit 200;
$$;

comment on function stepbase.search_workflows(text) is
  'Workflows of the caller''s application whose name or description matches query (websearch syntax), best match first; at '
  'most 200 rows.';
grant execute on function stepbase.search_workflows(text) to authenticated;

create function stepbase.search_runs(
  query text,
  status text default null,
  before text default null,
  page_size int default 50
)
returns setof stepbase.runs
language sql
stable
set search_path = ''
as $$
  -- The lateral query reads the newest runs of each matching workflow from an index; a join would read all runs of the
  -- application or of the workflows.
  select r.*
  from stepbase_private.matching_workflows(search_runs.query) w (id)
  cross join lateral (
    select x.*
    from stepbase.runs x
    where x.workflow_id = w.id
      and x.app_code = (select stepbase_private.app_code())
      and (search_runs.status is null or x.status = search_runs.status)
      and (
        search_runs.before is null
        or x.created_at < (select stepbase_private.iso_time(search_runs.before, 'before'))
      )
    order by x.created_at desc
    limit least(greatest(search_runs.page_size, 1), 200)
  ) r
  order by r.created_at desc, r.id desc
  limit least(greatest(search_runs.page_size, 1), 200);
$$;

comment on function stepbase.search_runs(text, text, text, int) is
  'Runs of the caller''s application whose workflow''s name or description matches query (websearch syntax), newest first. '
  'status: default all. before: created_at of the last row of the previous page. page_size: 1 to 200 rows.';
grant execute on function stepbase.search_runs(text, text, text, int) to authenticated;
