-- Canaries: a version that gets a share of the starts of its workflow, until it is promoted or stopped. The engine
-- stops it when too many of its runs fail. *_canaries.sql chooses the version of a start.

create table stepbase.workflow_canaries (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  workflow_version_id uuid not null,
  percent double precision not null constraint percent_is_of_100 check (percent > 0 and percent <= 100),
  -- A text, because a value of jsonpath has no stable form in dumps and JSON.
  -- Member names and places of arrays only, as in workflow_flow_controls: each start evaluates the path.
  key text constraint key_is_a_json_path check (
    key ~ '^\$(\.[A-Za-z_][A-Za-z0-9_]*|\."[^"\\[:cntrl:]]+"|\[[0-9]{1,4}\])*$' and length(key) <= 500
  ),
  max_error_rate double precision
    constraint max_error_rate_is_a_share check (max_error_rate >= 0 and max_error_rate < 1),
  min_runs int not null default 20 constraint min_runs_is_between_1_and_1000 check (min_runs between 1 and 1000),
  status text not null default 'running'
    constraint status_is_known check (status in ('running', 'promoted', 'stopped')),
  reason text constraint reason_is_short check (length(reason) <= 1000),
  counted_runs int,
  failed_runs int,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  ended_by uuid references stepbase.users (id) on delete set null,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_canary_is_of_workflow unique (id, workflow_id, app_code),
  constraint canary_version_is_of_this_workflow foreign key (workflow_version_id, workflow_id, app_code)
    references stepbase.workflow_versions (id, workflow_id, app_code) on delete cascade,
  constraint ended_at_matches_status check ((ended_at is null) = (status = 'running'))
);

comment on table stepbase.workflow_canaries is
  'Versions that got a share of the starts of their workflow; a workflow has at most one that is running.';
comment on column stepbase.workflow_canaries.percent is 'Share of the starts that the version gets.';
comment on column stepbase.workflow_canaries.key is
  'JSON path into the input, such as $.customer_id: all starts with the same value get the same version. Null, or without a '
  'value in the input: the idempotency key decides, or else chance.';
comment on column stepbase.workflow_canaries.max_error_rate is
  'The engine stops the canary when more than this share of its last min_runs ended runs failed or timed out; null: it does not.';
comment on column stepbase.workflow_canaries.min_runs is 'How many ended runs decide; before, the canary is not stopped.';
comment on column stepbase.workflow_canaries.reason is 'Why it was stopped.';
comment on column stepbase.workflow_canaries.counted_runs is
  'The runs that the engine counted when it stopped the canary; null if it did not.';
comment on column stepbase.workflow_canaries.failed_runs is 'How many of counted_runs failed or timed out.';
comment on column stepbase.workflow_canaries.ended_by is 'The member who promoted or stopped it; null: the engine or a machine.';

create unique index idx_workflow_canaries_one_running on stepbase.workflow_canaries (workflow_id)
  where status = 'running';
create index idx_workflow_canaries_version on stepbase.workflow_canaries (workflow_version_id, workflow_id, app_code);
create index idx_workflow_canaries_app_code_created_at on stepbase.workflow_canaries (app_code, created_at desc);
create index idx_workflow_canaries_created_by on stepbase.workflow_canaries (created_by);
create index idx_workflow_canaries_ended_by on stepbase.workflow_canaries (ended_by);

create trigger workflow_canaries_touch_updated_at before update on stepbase.workflow_canaries
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_canaries_keep_identity before update on stepbase.workflow_canaries
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'workflow_id', 'workflow_version_id', 'key', 'created_at'
  );

-- Every start reads the row of its workflow, so a workflow without a canary costs nothing more.
alter table stepbase.workflows
  add column canary_id uuid,
  add constraint canary_is_of_this_workflow foreign key (canary_id, id, app_code)
  references stepbase.workflow_canaries (id, workflow_id, app_code) on delete set null (canary_id);

comment on column stepbase.workflows.canary_id is 'The running canary; null: every start gets the published version.';

create index idx_workflows_canary on stepbase.workflows (canary_id, id, app_code) where canary_id is not null;

alter table stepbase.workflow_canaries enable row level security;

-- Only the RPCs and the engine write canaries.
grant select on stepbase.workflow_canaries to authenticated;
grant select, insert, update, delete on stepbase.workflow_canaries to service_role;

create policy "Members read their canaries" on stepbase.workflow_canaries
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));
