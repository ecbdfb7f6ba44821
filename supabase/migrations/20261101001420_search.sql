-- Text search for workflows.

create function stepbase_private.search_query(p_query text)
returns tsquery
language plpgsql
stable
set search_path = ''
as $$
declare
  v_words tsquery;
begin
  -- PostgreSQL parses the operators of a query by recursion.
  if length(p_query) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'A search query has at most 1000 characters');
  end if;
  -- Each word of the simple query becomes a prefix; its lexemes are quoted, and a quote within one is doubled.
  v_words := regexp_replace(
    websearch_to_tsquery('simple'::regconfig, p_query)::text, $r$'(?:[^']|'')+'$r$, '\&:*', 'g'
  )::tsquery;
  -- Each prefix reads all words of the index that begin with it, also those of other applications.
  if numnode(v_words) > 99 then
    perform stepbase_private.raise_error('invalid_request', 'A search query has at most 50 words');
  end if;
  return websearch_to_tsquery(stepbase_private.search_config(stepbase_private.app_code()), p_query) || v_words;
end;
$$;

comment on function stepbase_private.search_query(text) is
  'A search query in websearch syntax, in the language of the caller''s application. A word also finds words that begin with '
  'it. Raises SB400 invalid_request beyond 1,000 characters or 50 words.';
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
