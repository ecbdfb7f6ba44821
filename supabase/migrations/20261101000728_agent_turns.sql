-- Turns of agents: each answer of a model, and the tools that it asked for. They are written before a tool runs, so
-- that an attempt after a crash continues after the last answer. A step that is no agent costs nothing.

create table stepbase.agent_turns (
  run_id uuid not null,
  app_code text not null,
  step_id text not null,
  item_index int not null,
  turn int not null,
  step_run_id uuid not null,
  text text not null,
  finish_reason text,
  provider text not null,
  model text not null,
  usage jsonb,
  cost double precision,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint agent_turns_pkey primary key (run_id, app_code, step_id, item_index, turn),
  constraint agent_turns_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint turn_is_from_1_to_50 check (turn between 1 and 50),
  constraint usage_is_an_object check (jsonb_typeof(usage) = 'object'),
  constraint cost_is_not_negative check (cost >= 0)
);

comment on table stepbase.agent_turns is
  'Answers of models to ai_agent_task steps, written by the engine only. All attempts of a step share its turns. Deleted with '
  'the run.';
comment on column stepbase.agent_turns.step_id is 'The node of the agent.';
comment on column stepbase.agent_turns.item_index is
  '0 for the step itself, from 1 for the items of a for_each, -1 for a compensation, below -1 for a tool of another agent.';
comment on column stepbase.agent_turns.turn is 'Counts from 1.';
-- No foreign key to step_runs: the deletion of a run would look for the turns of each of its step runs.
comment on column stepbase.agent_turns.step_run_id is 'The attempt that asked the model.';
comment on column stepbase.agent_turns.text is 'What the model wrote, without the tools that it asked for.';
comment on column stepbase.agent_turns.finish_reason is 'Why the model stopped, as the endpoint gives it.';
comment on column stepbase.agent_turns.usage is
  '{input_tokens, output_tokens, total_tokens, cached_input_tokens, reasoning_tokens}; null if the endpoint did not tell.';
comment on column stepbase.agent_turns.cost is 'In US dollars; null if the price or the usage is not known.';

create trigger agent_turns_cut_errors before insert or update of finish_reason on stepbase.agent_turns
  for each row when (pg_column_size(new.finish_reason) > 12288)
  execute function stepbase_private.cut_errors('finish_reason');

create trigger agent_turns_append_only
before update or delete on stepbase.agent_turns
for each row execute function stepbase_engine.refuse_change();

create trigger agent_turns_no_truncate
before truncate on stepbase.agent_turns
for each statement execute function stepbase_engine.refuse_change();

create table stepbase.agent_tool_calls (
  run_id uuid not null,
  app_code text not null,
  step_id text not null,
  item_index int not null,
  turn int not null,
  position int not null,
  call_id text not null,
  tool text not null,
  step_type text,
  target text,
  input jsonb not null,
  config jsonb,
  component_id uuid,
  approval jsonb,
  status text not null default 'pending',
  tool_item_index int,
  approval_item_index int,
  output jsonb,
  error jsonb,
  created_at timestamptz not null default stepbase_engine.now(),
  completed_at timestamptz,
  constraint agent_tool_calls_pkey primary key (run_id, app_code, step_id, item_index, turn, position),
  constraint tool_call_is_of_a_turn foreign key (run_id, app_code, step_id, item_index, turn)
    references stepbase.agent_turns (run_id, app_code, step_id, item_index, turn) on delete cascade,
  constraint tool_call_position_is_positive check (position >= 1),
  constraint tool_call_status_is_known check (
    status in ('pending', 'approval', 'approved', 'running', 'completed', 'failed', 'rejected', 'cancelled')
  ),
  constraint tool_call_ends_with_a_time check (
    (completed_at is not null) = (status in ('completed', 'failed', 'rejected', 'cancelled'))
  ),
  constraint failed_tool_call_has_an_error check (
    (error is not null) = (status in ('failed', 'rejected', 'cancelled'))
  ),
  constraint tool_call_that_runs_has_a_step check (status in ('failed', 'cancelled') or step_type is not null)
);

comment on table stepbase.agent_tool_calls is
  'Tools that a model asked for in a turn of an agent, written by the engine only. Deleted with the run.';
comment on column stepbase.agent_tool_calls.position is 'Counts from 1 within the turn.';
comment on column stepbase.agent_tool_calls.call_id is 'The id that the model gave the call.';
comment on column stepbase.agent_tool_calls.tool is 'The name by which the model called the tool.';
comment on column stepbase.agent_tool_calls.step_type is
  'The type of the step that runs the tool: child_workflow, service_task, ai_agent_task or user_task. Null: the tool is unknown.';
comment on column stepbase.agent_tool_calls.target is 'The name of the component or workflow.';
comment on column stepbase.agent_tool_calls.input is 'What the model gave, also if it does not match the input schema of the tool.';
comment on column stepbase.agent_tool_calls.config is 'The config of the step that runs the tool.';
-- No foreign key: a history names components that were deleted since.
comment on column stepbase.agent_tool_calls.component_id is 'The component that runs the tool; null for a workflow.';
comment on column stepbase.agent_tool_calls.approval is
  'The config of the approval that the tool waits for before it runs; null: it needs none.';
comment on column stepbase.agent_tool_calls.status is
  'pending (stored, not started), approval (waits for a person), approved, running, completed, failed, rejected, cancelled.';
comment on column stepbase.agent_tool_calls.tool_item_index is 'step_runs.item_index of the step that runs the tool; null: not started.';
comment on column stepbase.agent_tool_calls.approval_item_index is 'step_runs.item_index of the approval; null: there is none.';
comment on column stepbase.agent_tool_calls.output is 'What the tool returned to the model.';
comment on column stepbase.agent_tool_calls.error is '{code, message, details?}: why the tool has no output. The model reads it.';

create trigger agent_tool_calls_cut_errors before insert or update of error on stepbase.agent_tool_calls
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');

alter table stepbase.agent_turns enable row level security;
alter table stepbase.agent_tool_calls enable row level security;

create policy "Members read the turns of their app's agents"
on stepbase.agent_turns for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

create policy "Members read the tool calls of their app's agents"
on stepbase.agent_tool_calls for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.agent_turns, stepbase.agent_tool_calls to authenticated, service_role;
