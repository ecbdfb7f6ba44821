-- Pinned prompts: a published version stores the text of its prompts, so that a later change, deprecation or deletion
-- of a prompt does not change what its runs ask. References are never looked up at run time.

create table stepbase_engine.pinned_prompts (
  workflow_version_id uuid not null,
  reference text not null,
  prompt_id uuid,
  version text not null,
  content text not null,
  variables jsonb not null,
  primary key (workflow_version_id, reference),
  constraint pinned_prompts_version_fkey foreign key (workflow_version_id)
    references stepbase.workflow_versions (id) on delete cascade,
  constraint pinned_prompts_prompt_fkey foreign key (prompt_id)
    references stepbase.agent_prompts (id) on delete set null
);

comment on table stepbase_engine.pinned_prompts is 'The prompts of a published version as they were when it was published.';
comment on column stepbase_engine.pinned_prompts.reference is 'As steps write it: [app/]name[@version].';
comment on column stepbase_engine.pinned_prompts.prompt_id is 'The row that was copied; null: it was deleted.';

create index idx_pinned_prompts_prompt_id on stepbase_engine.pinned_prompts (prompt_id);

alter table stepbase_engine.pinned_prompts enable row level security;

create function stepbase_private.prompt_references(p_definition jsonb)
returns setof text
language sql
stable
set search_path = ''
as $$
  select distinct p.config ->> k.name
  from jsonb_array_elements(
    case jsonb_typeof(p_definition -> 'nodes') when 'array' then p_definition -> 'nodes' else '[]' end
  ) n (node)
  -- A step, the step of a for_each, and a compensation.
  cross join lateral (
    values
      (n.node ->> 'type', n.node -> 'data' -> 'config'),
      (n.node #>> '{data,config,step,type}', n.node #> '{data,config,step,config}'),
      (n.node #>> '{data,compensate,type}', n.node #> '{data,compensate,config}')
  ) p (type, config)
  cross join unnest('{prompt_name,system_prompt_name}'::text[]) k (name)
  where p.type = 'llm_call' and jsonb_typeof(p.config -> k.name) = 'string';
$$;

comment on function stepbase_private.prompt_references(jsonb) is 'The references to prompts in a definition.';

-- Security definer: no client may write pins.
create function stepbase_private.pin_published_prompts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase_engine.pinned_prompts (workflow_version_id, reference, prompt_id, version, content, variables)
  select new.id, r.reference, p.id, p.version, p.prompt_content, p.prompt_variables
  from stepbase_private.prompt_references(new.definition) r (reference)
  cross join lateral stepbase_private.prompt_for(new.app_code, r.reference) p;
  return null;
end;
$$;

comment on function stepbase_private.pin_published_prompts() is 'Trigger: copies the prompts of a version that is published.';

create trigger workflow_versions_pin_prompts_on_insert after insert on stepbase.workflow_versions
  for each row when (new.status = 'published') execute function stepbase_private.pin_published_prompts();
create trigger workflow_versions_pin_prompts_on_update after update of status on stepbase.workflow_versions
  for each row when (old.status = 'draft' and new.status = 'published')
  execute function stepbase_private.pin_published_prompts();
