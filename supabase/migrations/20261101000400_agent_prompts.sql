-- Agent prompts: versioned prompt templates for language-model steps.

create table stepbase.agent_prompts (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_kebab_case check (name ~ '^[a-z0-9]+([-_.][a-z0-9]+)*$'),
  display_name text not null default '',
  description text not null default '',
  version text not null default '1.0.0' constraint version_is_semantic check (version ~ '^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$'),
  visibility text not null default 'private' references stepbase.component_visibility (name),
  prompt_content text not null,
  prompt_variables jsonb not null default '{}'
    constraint prompt_variables_is_an_object check (jsonb_typeof(prompt_variables) = 'object'),
  capabilities text[] not null default '{}',
  tags text[] not null default '{}',
  recommended_models jsonb not null default '[]'
    constraint recommended_models_is_an_array check (jsonb_typeof(recommended_models) = 'array'),
  deprecated boolean not null default false,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  updated_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint agent_prompt_is_of_app unique (id, app_code),
  constraint agent_prompt_version_is_unique unique (app_code, name, version)
);

comment on table stepbase.agent_prompts is 'Versioned prompt templates for language-model steps.';
comment on column stepbase.agent_prompts.prompt_content is 'Markdown; {{ … }} is replaced with values of the step''s input.';
comment on column stepbase.agent_prompts.prompt_variables is 'JSON Schema properties of the values that the prompt needs.';
comment on column stepbase.agent_prompts.deleted_at is 'Soft delete: the prompt is no longer offered.';

create index idx_agent_prompts_created_by on stepbase.agent_prompts (created_by);
create index idx_agent_prompts_updated_by on stepbase.agent_prompts (updated_by);
create index idx_agent_prompts_visibility_app_code on stepbase.agent_prompts (visibility, app_code);
create index idx_agent_prompts_capabilities on stepbase.agent_prompts using gin (capabilities);
create index idx_agent_prompts_tags on stepbase.agent_prompts using gin (tags);

create trigger agent_prompts_stamp_updated_by before update on stepbase.agent_prompts
  for each row execute function stepbase_private.stamp_updated_by();
create trigger agent_prompts_keep_identity before update on stepbase.agent_prompts
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'name', 'version', 'created_at');

alter table stepbase.agent_prompts enable row level security;

grant select, delete,
  insert (id, app_code, name, display_name, description, version, visibility, prompt_content, prompt_variables,
    capabilities, tags, recommended_models, deprecated),
  update (display_name, description, visibility, prompt_content, prompt_variables,
    capabilities, tags, recommended_models, deprecated, deleted_at)
on stepbase.agent_prompts to authenticated;
grant select, insert, update, delete on stepbase.agent_prompts to service_role;

create policy "Members read their prompts" on stepbase.agent_prompts
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('prompt:read')));

create policy "Prompt writers create prompts" on stepbase.agent_prompts
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('prompt:write')));

create policy "Prompt writers change prompts" on stepbase.agent_prompts
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('prompt:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('prompt:write')));

create policy "Prompt writers delete prompts" on stepbase.agent_prompts
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('prompt:write')));
