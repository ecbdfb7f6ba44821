-- Canaries, part 1: the version of a start. Only starts of workflows that have a running canary come here.

create function stepbase_engine.canary_bucket(p_canary_id uuid, p_key text)
returns int
language sql
immutable
set search_path = ''
as $$
  -- Not hashtext: its values may change with a major version of PostgreSQL. md5 is not for secrecy here.
  select ('x' || left(md5(p_canary_id || ':' || p_key), 7))::bit(28)::int % 10000;
$$;

comment on function stepbase_engine.canary_bucket(uuid, text) is
  'The place of a key among 10,000, stable for a canary: keys below percent × 100 get the canary''s version, so a larger '
  'percentage only adds keys.';

create function stepbase_engine.version_to_start(
  p_canary_id uuid, p_published_version_id uuid, p_input jsonb, p_idempotency_key text
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_canary stepbase.workflow_canaries;
  v_key text;
begin
  select c.* into v_canary from stepbase.workflow_canaries c where c.id = p_canary_id and c.status = 'running';
  if not found then
    return p_published_version_id;
  end if;
  v_key := coalesce(
    nullif(jsonb_path_query_first(coalesce(p_input, '{}'), v_canary.key::jsonpath, '{}', true), 'null')::text,
    p_idempotency_key, random()::text
  );
  return case
    when stepbase_engine.canary_bucket(v_canary.id, v_key) < v_canary.percent * 100 then v_canary.workflow_version_id
    else p_published_version_id
  end;
end;
$$;

comment on function stepbase_engine.version_to_start(uuid, uuid, jsonb, text) is
  'The version that a start without a version number gets: that of the canary for its share of the keys, else the published '
  'one.';

create function stepbase_engine.canary_of(p_canary_id uuid, p_workflow_version_id uuid)
returns uuid
language sql
stable
set search_path = ''
as $$
  select c.id
  from stepbase.workflow_canaries c
  where c.id = p_canary_id and c.workflow_version_id = p_workflow_version_id and c.status = 'running';
$$;

comment on function stepbase_engine.canary_of(uuid, uuid) is
  'The canary of a workflow if a run has its version, so that the run counts; else null.';
