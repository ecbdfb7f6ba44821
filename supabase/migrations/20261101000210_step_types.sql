-- Step types: what a node can be, how its config must look and which edges may leave it. Definitions
-- are validated against these rows, and the editor draws its palette from them.

create table stepbase.step_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal integer not null,
  category text not null,
  config_schema jsonb not null constraint config_schema_is_an_object check (jsonb_typeof(config_schema) = 'object'),
  raw_keys text[] not null default '{}',
  handles text[] default '{}',
  is_task boolean not null,
  is_component boolean not null,
  is_activity boolean not null default false,
  may_use_secrets boolean not null default false,
  created_at timestamptz not null default now()
);

comment on table stepbase.step_types is 'What a node of a workflow can be.';
comment on column stepbase.step_types.ordinal is 'Order in which clients list the values.';
comment on column stepbase.step_types.config_schema is 'JSON Schema of the node''s config; strings that hold {{ … }} satisfy any type.';
comment on column stepbase.step_types.raw_keys is 'Keys of config that hold an expression or code, not a template.';
comment on column stepbase.step_types.handles is
  'Handles an edge may leave by, besides error and timeout, which every step has; null: any.';
comment on column stepbase.step_types.is_task is 'Waits for a person: its step runs are tasks.';
comment on column stepbase.step_types.is_component is 'Implemented by a component.';
comment on column stepbase.step_types.is_activity is
  'Works outside of Stepbase: counts against max_concurrent_activities of the task queue while it executes.';
comment on column stepbase.step_types.may_use_secrets is
  'Its config goes out and is not kept: templates in it may name secrets. Of every other type the config is stored.';

insert into stepbase.step_types (
  name, label, description, icon, color, ordinal, category,
  config_schema, raw_keys, handles, is_task, is_component
)
values
  (
    'http_request', 'HTTP request', 'Calls an HTTP service.', 'globe', '#2563eb', 1, 'action',
    '{"type": "object", "required": ["url"], "properties": {"method": {"type": "string", "pattern": "(?i)^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$"}, "url": {"type": "string", "minLength": 1}, "headers": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}, "query": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "array", "null"]}}, "body": {}, "max_response_bytes": {"type": "integer", "minimum": 1, "maximum": 16777216}, "accept_status": {"type": "array", "items": {"type": "integer"}}, "retry_on": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"enum": ["4xx", "5xx"]}]}}}}',
    '{}', '{}', false, false
  ),
  (
    'webhook', 'Webhook', 'Sends a payload to an address, signed when a secret is given.', 'webhook', '#2563eb', 2, 'action',
    '{"type": "object", "required": ["url"], "properties": {"url": {"type": "string", "minLength": 1}, "payload": {}, "headers": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}, "secret": {"type": ["string", "null"]}, "retry_on": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"enum": ["4xx", "5xx"]}]}}}}',
    '{}', '{}', false, false
  ),
  (
    'transform', 'Transform', 'Computes a value with a JSONata expression.', 'shuffle', '#0d9488', 3, 'data',
    '{"type": "object", "required": ["expression"], "properties": {"expression": {"type": "string", "minLength": 1}}}',
    array['expression'], '{}', false, false
  ),
  (
    'condition', 'Condition', 'Chooses the edges to follow with a JSONata expression.', 'git-branch', '#d97706', 4, 'control',
    '{"type": "object", "required": ["expression"], "properties": {"expression": {"type": "string", "minLength": 1}}}',
    array['expression'], null, false, false
  ),
  (
    'inline_code', 'Inline code', 'Runs a JavaScript function in a sandbox.', 'code', '#0d9488', 5, 'data',
    '{"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "minLength": 1, "maxLength": 65536}}}',
    array['code'], '{}', false, false
  ),
  (
    'llm_call', 'LLM call', 'Asks a language model.', 'bot', '#7c3aed', 6, 'ai',
    '{"type": "object", "required": ["model"], "properties": {"model": {"type": "string", "minLength": 1}, "system": {"type": ["string", "null"]}, "prompt": {"type": ["string", "object", "array", "number", "boolean"]}, "messages": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["role", "content"], "properties": {"role": {"enum": ["system", "developer", "user", "assistant"]}, "content": {"type": "string"}}}}, "temperature": {"type": "number", "minimum": 0, "maximum": 2}, "max_tokens": {"type": "integer", "minimum": 1}, "response_schema": {"type": ["object", "null"]}}, "oneOf": [{"required": ["prompt"]}, {"required": ["messages"]}]}',
    '{}', '{}', false, false
  ),
  (
    'send_email', 'Send email', 'Sends a mail.', 'mail', '#2563eb', 7, 'action',
    '{"type": "object", "required": ["to", "subject"], "properties": {"to": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 100}]}, "cc": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 100}, {"type": "null"}]}, "bcc": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 100}, {"type": "null"}]}, "from": {"type": ["string", "null"]}, "reply_to": {"type": ["string", "null"]}, "subject": {"type": "string", "minLength": 1}, "text": {"type": ["string", "null"]}, "html": {"type": ["string", "null"]}}, "anyOf": [{"required": ["text"]}, {"required": ["html"]}]}',
    '{}', '{}', false, false
  ),
  (
    'wait_for_approval', 'Wait for approval', 'Waits until a person approves or rejects.', 'user-check', '#d97706', 8, 'human',
    '{"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "minLength": 1}, "description": {"type": ["string", "null"]}, "assigned_to": {"type": ["string", "null"]}, "role": {"enum": ["admin", "developer", "viewer", null]}, "deadline_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": 31536000000}}}',
    '{}', array['approved', 'rejected', 'timeout'], true, false
  ),
  (
    'user_task', 'User task', 'Waits until a person has filled in a form.', 'clipboard-list', '#d97706', 9, 'human',
    '{"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "minLength": 1}, "description": {"type": ["string", "null"]}, "assigned_to": {"type": ["string", "null"]}, "role": {"enum": ["admin", "developer", "viewer", null]}, "deadline_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": 31536000000}, "form": {}}}',
    '{}', array['timeout'], true, true
  ),
  (
    'service_task', 'Service task', 'Runs a service component.', 'box', '#2563eb', 10, 'component',
    '{"type": "object", "required": ["component"], "properties": {"component": {"type": "string", "minLength": 1}, "input": {}}}',
    '{}', '{}', false, true
  ),
  (
    'ai_agent_task', 'AI agent task', 'Runs an agent component.', 'sparkles', '#7c3aed', 11, 'component',
    '{"type": "object", "required": ["component"], "properties": {"component": {"type": "string", "minLength": 1}, "input": {}}}',
    '{}', '{}', false, true
  ),
  (
    'delay', 'Delay', 'Waits for a time.', 'timer', '#64748b', 12, 'control',
    '{"type": "object", "properties": {"ms": {"type": "integer", "minimum": 0, "maximum": 31536000000}, "until": {"type": "string", "minLength": 1}}, "oneOf": [{"required": ["ms"]}, {"required": ["until"]}]}',
    '{}', '{}', false, false
  ),
  (
    'wait_for_signal', 'Wait for signal', 'Waits until a signal arrives.', 'radio', '#0d9488', 13, 'control',
    '{"type": "object", "required": ["signal_name"], "properties": {"signal_name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,99}$"}, "timeout_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": 31536000000}}}',
    '{}', array['timeout'], false, false
  ),
  (
    'for_each', 'For each', 'Runs one step for every item of a list.', 'repeat', '#64748b', 14, 'control',
    '{"type": "object", "required": ["items", "step"], "properties": {"items": {"type": "array"}, "step": {"type": "object", "required": ["type", "config"], "properties": {"type": {"type": "string"}, "config": {"type": "object"}}}, "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000}}}',
    '{}', '{}', false, false
  ),
  (
    'child_workflow', 'Child workflow', 'Starts another workflow.', 'workflow', '#7c3aed', 15, 'control',
    '{"type": "object", "required": ["workflow"], "properties": {"workflow": {"type": "string", "minLength": 1}, "input": {}, "wait": {"type": "boolean"}, "parent_close_policy": {"enum": ["terminate", "abandon", "request_cancel"]}, "timeout_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": 31536000000}}}',
    '{}', '{}', false, false
  ),
  (
    'work_queue_push', 'Push to work queue', 'Puts an item into a work queue.', 'inbox', '#0d9488', 16, 'data',
    '{"type": "object", "required": ["queue"], "properties": {"queue": {"type": "string", "minLength": 1}, "item": {}, "priority": {"type": "integer"}}}',
    '{}', '{}', false, false
  ),
  (
    'work_queue_pop', 'Pop from work queue', 'Takes the next item out of a work queue.', 'inbox', '#0d9488', 17, 'data',
    '{"type": "object", "required": ["queue"], "properties": {"queue": {"type": "string", "minLength": 1}, "wait": {"type": "boolean"}, "timeout_ms": {"type": ["integer", "null"], "minimum": 1, "maximum": 31536000000}}}',
    '{}', array['item', 'empty', 'timeout'], false, false
  ),
  (
    'send_signal', 'Send signal', 'Sends a signal to its parent, or to another run.', 'radio', '#0d9488', 19, 'action',
    '{"type": "object", "required": ["signal_name"], "properties": {"signal_name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,99}$"}, "run": {"type": "string", "minLength": 1}, "payload": {}}}',
    '{}', '{}', false, false
  ),
  (
    'query_run', 'Query run', 'Asks its parent, or another run, one of its queries.', 'help-circle', '#0d9488', 20, 'data',
    '{"type": "object", "required": ["query_name"], "properties": {"query_name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,99}$"}, "run": {"type": "string", "minLength": 1}}}',
    '{}', '{}', false, false
  ),
  (
    'emit_event', 'Emit event', 'Emits an event that may start other workflows.', 'zap', '#d97706', 18, 'action',
    '{"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^(?!run\\.)[A-Za-z][A-Za-z0-9_.-]{0,99}$"}, "payload": {}}}',
    '{}', '{}', false, false
  );

update stepbase.step_types set is_activity = true, may_use_secrets = true
where name in ('http_request', 'webhook', 'llm_call', 'send_email', 'service_task', 'ai_agent_task');

alter table stepbase.step_types enable row level security;
grant select on stepbase.step_types to authenticated, service_role;
create policy "Signed-in users read step types" on stepbase.step_types
  for select to authenticated using (true);
