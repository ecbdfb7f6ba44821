-- Filters of runs: a JSON document, checked and resolved once. Searches and operations on many runs take the same
-- document.

create type stepbase_private.run_filter as (
  app_code text,
  ids uuid[],
  idempotency_key text,
  tags text[],
  paths text[],
  path_values text[],
  statuses text[],
  workflow_ids uuid[],
  version_id uuid,
  trigger_types text[],
  created_by uuid,
  error_code text,
  created_from timestamptz,
  created_before timestamptz
);

comment on type stepbase_private.run_filter is
  'A filter of runs with the ids that its names stand for. All conditions apply; null: no condition.';

create function stepbase_private.refuse_filter(p_problem text, p_key text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform stepbase_private.raise_error(
    'invalid_request', format('filter.%s %s', p_key, p_problem), jsonb_build_object('path', 'filter.' || p_key)
  );
end;
$$;

comment on function stepbase_private.refuse_filter(text, text) is 'Raises SB400 invalid_request for a key of a filter.';

create function stepbase_private.filter_texts(p_filter jsonb, p_key text, p_most int, p_allowed text[] default null)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_value constant jsonb := p_filter -> p_key;
  v_texts text[];
  v_text text;
begin
  if v_value is null then
    return null;
  elsif jsonb_typeof(v_value) = 'string' then
    v_texts := array[v_value #>> '{}'];
  elsif jsonb_typeof(v_value) = 'array' and jsonb_array_length(v_value) between 1 and p_most
    and not jsonb_path_exists(v_value, 'strict $[*] ? (@.type() != "string")')
  then
    v_texts := array(select distinct t.text from jsonb_array_elements_text(v_value) t (text));
  else
    perform stepbase_private.refuse_filter(format('must be a text, or an array of 1 to %s texts', p_most), p_key);
  end if;
  if p_allowed is not null then
    select t.text into v_text from unnest(v_texts) t (text) where t.text <> all(p_allowed) limit 1;
    if found then
      perform stepbase_private.refuse_filter(
        format('must not contain %s; it may contain %s', to_json(left(v_text, 100)), array_to_string(p_allowed, ', ')), p_key
      );
    end if;
  end if;
  return v_texts;
end;
$$;

comment on function stepbase_private.filter_texts(jsonb, text, int, text[]) is
  'A key of a filter that has one text or up to p_most, of p_allowed if that is not null; null without the key.';

create function stepbase_private.filter_text(p_filter jsonb, p_key text)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_filter -> p_key) <> 'string' then
    perform stepbase_private.refuse_filter('must be a text', p_key);
  end if;
  return p_filter ->> p_key;
end;
$$;

comment on function stepbase_private.filter_text(jsonb, text) is 'A key of a filter that has one text; null without the key.';

create function stepbase_private.filter_uuids(p_texts text[], p_key text)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
begin
  if exists (
    select 1 from unnest(p_texts) t (text) where t.text !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  ) then
    perform stepbase_private.refuse_filter('must be a UUID', p_key);
  end if;
  return p_texts::uuid[];
end;
$$;

comment on function stepbase_private.filter_uuids(text[], text) is 'Texts of a filter as UUIDs.';

create function stepbase_private.filter_workflows(p_app_code text, p_filter jsonb)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_names constant text[] := stepbase_private.filter_texts(p_filter, 'workflow', 50);
  v_text constant text := stepbase_private.filter_text(p_filter, 'text');
  v_name text;
  v_ids uuid[];
begin
  if v_names is not null then
    select n.name into v_name
    from unnest(v_names) n (name)
    where not exists (
      select 1 from stepbase.workflows w where w.app_code = p_app_code and w.kebab_name = n.name
    )
    limit 1;
    if found then
      perform stepbase_private.raise_error(
        'not_found', format('Workflow %s does not exist', v_name), jsonb_build_object('workflow', v_name)
      );
    end if;
    v_ids := array(
      select w.id from stepbase.workflows w where w.app_code = p_app_code and w.kebab_name = any(v_names) order by w.id
    );
  end if;
  if v_text is not null then
    v_ids := array(
      select w.id
      from stepbase.workflows w
      where w.search @@ stepbase_private.search_query(v_text) and w.deleted_at is null and w.app_code = p_app_code
        and (v_ids is null or w.id = any(v_ids))
      order by w.id
    );
  end if;
  return v_ids;
end;
$$;

comment on function stepbase_private.filter_workflows(text, jsonb) is
  'The workflows that the keys workflow and text of a filter select; null without both.';

create function stepbase_private.filter_operation(p_app_code text, p_filter jsonb, p_ids uuid[])
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_id constant uuid := (
    stepbase_private.filter_uuids(array[stepbase_private.filter_text(p_filter, 'operation')], 'operation')
  )[1];
begin
  if not exists (select 1 from stepbase.run_operations o where o.id = v_id and o.app_code = p_app_code) then
    perform stepbase_private.raise_error(
      'not_found', 'Operation not found', jsonb_build_object('operation_id', v_id)
    );
  end if;
  return array(
    select i.id
    from stepbase_engine.operation_effects e
    cross join unnest(e.run_ids) i (id)
    where e.operation_id = v_id and (p_ids is null or i.id = any(p_ids))
  );
end;
$$;

comment on function stepbase_private.filter_operation(text, jsonb, uuid[]) is
  'The runs that the key operation of a filter selects, of p_ids if that is not null. Errors: SB400, SB404 unknown operation.';

create function stepbase_private.read_filter(p_app_code text, p_filter jsonb)
returns stepbase_private.run_filter
language plpgsql
stable
set search_path = ''
as $$
declare
  c_keys constant text[] := '{id,operation,idempotency_key,tag,input,status,workflow,version,trigger_type,created_by,error_code,'
    'created_from,created_before,text}';
  v_filter jsonb;
  v_key text;
  v_read stepbase_private.run_filter;
begin
  if jsonb_typeof(p_filter) is distinct from 'object' then
    perform stepbase_private.raise_error('invalid_request', 'filter must be a JSON object');
  end if;
  -- null: no condition.
  select coalesce(jsonb_object_agg(f.key, f.value), '{}') into v_filter from jsonb_each(p_filter) f where f.value <> 'null';
  select k.key into v_key from jsonb_object_keys(v_filter) k (key) where k.key <> all(c_keys) order by 1 limit 1;
  if found then
    perform stepbase_private.refuse_filter('is unknown; a filter may have ' || array_to_string(c_keys, ', '), left(v_key, 100));
  end if;

  v_read.app_code := p_app_code;
  v_read.ids := stepbase_private.filter_uuids(stepbase_private.filter_texts(v_filter, 'id', 1000), 'id');
  if v_filter ? 'operation' then
    v_read.ids := stepbase_private.filter_operation(p_app_code, v_filter, v_read.ids);
  end if;
  v_read.idempotency_key := stepbase_private.filter_text(v_filter, 'idempotency_key');
  v_read.tags := stepbase_private.filter_texts(v_filter, 'tag', 16);
  v_read.statuses := stepbase_private.filter_texts(
    v_filter, 'status', 10, array(select s.name from stepbase.run_statuses s order by s.ordinal)
  );
  v_read.trigger_types := stepbase_private.filter_texts(
    v_filter, 'trigger_type', 10, array(select t.name from stepbase.trigger_types t order by t.ordinal)
  );
  v_read.created_by := (stepbase_private.filter_uuids(array[stepbase_private.filter_text(v_filter, 'created_by')], 'created_by'))[1];
  v_read.error_code := stepbase_private.filter_text(v_filter, 'error_code');
  v_read.created_from := stepbase_private.iso_time(stepbase_private.filter_text(v_filter, 'created_from'), 'filter.created_from');
  v_read.created_before :=
    stepbase_private.iso_time(stepbase_private.filter_text(v_filter, 'created_before'), 'filter.created_before');
  v_read.workflow_ids := stepbase_private.filter_workflows(p_app_code, v_filter);

  if v_filter ? 'version' then
    if jsonb_typeof(v_filter -> 'version') <> 'number' or (v_filter ->> 'version') !~ '^\d{1,9}$' then
      perform stepbase_private.refuse_filter('must be the number of a version', 'version');
    end if;
    if jsonb_typeof(v_filter -> 'workflow') is distinct from 'string' then
      perform stepbase_private.refuse_filter('needs one workflow', 'version');
    end if;
    select v.id into v_read.version_id
    from stepbase.workflow_versions v
    where v.workflow_id = any(v_read.workflow_ids) and v.version = (v_filter ->> 'version')::int;
    if not found then
      perform stepbase_private.raise_error(
        'not_found',
        format('Workflow %s has no version %s', v_filter ->> 'workflow', v_filter ->> 'version'),
        jsonb_build_object('workflow', v_filter ->> 'workflow')
      );
    end if;
  end if;

  if v_filter ? 'input' then
    if jsonb_typeof(v_filter -> 'input') <> 'object'
      or (select count(*) from jsonb_object_keys(v_filter -> 'input')) not between 1 and 8
    then
      perform stepbase_private.refuse_filter('must be an object of 1 to 8 paths with their values', 'input');
    end if;
    select i.key into v_key
    from jsonb_each(v_filter -> 'input') i
    where stepbase_private.search_value(i.value) is null
    limit 1;
    if found then
      perform stepbase_private.refuse_filter(
        'must be a number, true, false, or a text of at most 200 characters', 'input.' || left(v_key, 100)
      );
    end if;
    select i.key into v_key
    from jsonb_object_keys(v_filter -> 'input') i (key)
    where not exists (
      select 1 from stepbase.workflows w
      where w.app_code = p_app_code and i.key = any(w.searchable_inputs)
        and (v_read.workflow_ids is null or w.id = any(v_read.workflow_ids))
    )
    limit 1;
    if found then
      perform stepbase_private.refuse_filter(
        'is not in searchable_inputs of the workflow', 'input.' || left(v_key, 100)
      );
    end if;
    select array_agg(i.key order by i.key), array_agg(stepbase_private.search_value(i.value) order by i.key)
    into v_read.paths, v_read.path_values
    from jsonb_each(v_filter -> 'input') i;
  end if;
  return v_read;
end;
$$;

comment on function stepbase_private.read_filter(text, jsonb) is
  'Checks a filter of the runs of an application: {id, operation, idempotency_key, tag, input: {path: value}, status, '
  'workflow, version, trigger_type, created_by, error_code, created_from, created_before, text}; all keys are optional. id, '
  'tag, status, workflow and trigger_type take one text or an array; a run has all tags, and one of the others. Errors: SB400 '
  'with the path of the key, SB404 unknown workflow, version or operation.';
