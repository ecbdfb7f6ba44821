-- References to prompts: which prompt a name in the config of a step means, and what its variables must be.

create function stepbase_private.prompt_for(p_app_code text, p_reference text)
returns setof stepbase.agent_prompts
language sql
stable
-- Security definer: resolves prompts for the application, independent of who publishes the workflow.
security definer
set search_path = ''
as $$
  select p.*
  from (
    select
      split_part(p_reference, '@', 1) as path,
      case when strpos(p_reference, '@') > 0 then split_part(p_reference, '@', 2) end as version
  ) r
  cross join lateral (
    select
      case when strpos(r.path, '/') > 0 then split_part(r.path, '/', 1) else p_app_code end as app_code,
      substr(r.path, strpos(r.path, '/') + 1) as name
  ) n
  join stepbase.agent_prompts p on p.app_code = n.app_code and p.name = n.name and p.deleted_at is null
  where (r.version is null or p.version = r.version)
    and (
      p.app_code = p_app_code
      or (
        p.visibility <> 'private'
        and exists (
          select 1
          from stepbase.applications owner
          join stepbase.organizations o on o.id = owner.organization_id and o.deleted_at is null
          where owner.app_code = p.app_code
            and owner.deleted_at is null
            and (
              p.visibility = 'public'
              or owner.organization_id
                = (select a.organization_id from stepbase.applications a where a.app_code = p_app_code)
            )
        )
      )
    )
  order by p.deprecated, p.created_at desc, p.id
  limit 1;
$$;

comment on function stepbase_private.prompt_for(text, text) is
  'The prompt that a reference means in an application: name or name@version is a prompt of the application itself, '
  'app/name or app/name@version one that another application shares with it. Without a version: the newest one that is not '
  'deprecated. No row if there is none that it may use.';

create function stepbase_private.prompt_schema(p_variables jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'type', 'object',
    'properties', p_variables,
    'required', coalesce(
      jsonb_agg(v.key order by v.key) filter (where jsonb_typeof(v.value) <> 'object' or not v.value ? 'default'), '[]'
    )
  )
  from jsonb_each(p_variables) v;
$$;

comment on function stepbase_private.prompt_schema(jsonb) is
  'The JSON Schema of the variables of a prompt, from prompt_variables: each is required, unless its schema has a default.';

-- Security definer: clients may not call require_json_schema.
create function stepbase_private.check_prompt_variables()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.require_json_schema(
    jsonb_build_object('properties', new.prompt_variables), 'prompt_variables'
  );
  return new;
end;
$$;

comment on function stepbase_private.check_prompt_variables() is
  'Trigger: checks the JSON Schemas of the variables. Raises SB422 invalid_input or SB425 schema_too_complex.';

create trigger agent_prompts_check_variables before insert or update of prompt_variables on stepbase.agent_prompts
  for each row when (jsonb_typeof(new.prompt_variables) = 'object' and new.prompt_variables <> '{}')
  execute function stepbase_private.check_prompt_variables();
