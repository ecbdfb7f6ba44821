-- Flow controls: rules of a workflow on when its runs start. *_flow_lines.sql and *_flow_starts.sql apply them.

create table stepbase.workflow_flow_controls (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  kind text not null constraint kind_is_known check (
    kind in ('concurrency', 'throttle', 'rate_limit', 'debounce', 'batch', 'priority')
  ),
  -- Member names and places of arrays only: a start evaluates the path, so its cost must not depend on the caller.
  key_path text constraint key_path_is_a_path check (
    key_path ~ '^\$(\.[A-Za-z_][A-Za-z0-9_]*|\."[^"\\[:cntrl:]]+"|\[[0-9]{1,4}\])*$' and length(key_path) <= 500
  ),
  max_count int constraint max_count_is_in_range check (max_count between 1 and 100000),
  period_seconds int constraint period_is_in_range check (period_seconds between 1 and 604800),
  burst int constraint burst_is_in_range check (burst between 1 and 100000),
  timeout_seconds int constraint timeout_is_in_range check (timeout_seconds between 1 and 604800),
  default_priority smallint constraint default_priority_is_in_range check (default_priority between -100 and 100),
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint flow_control_is_of_app unique (id, app_code),
  constraint kind_is_unique_in_workflow unique (workflow_id, kind),
  constraint flow_control_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint options_match_kind check (
    case kind
      when 'concurrency' then
        max_count is not null and num_nonnulls(period_seconds, burst, timeout_seconds, default_priority) = 0
      when 'debounce' then
        period_seconds is not null and num_nonnulls(max_count, burst, default_priority) = 0
        and coalesce(timeout_seconds >= period_seconds, true)
      when 'batch' then
        num_nonnulls(max_count, timeout_seconds) = 2 and num_nonnulls(period_seconds, burst, default_priority) = 0
        and max_count between 2 and 1000
      when 'priority' then
        num_nonnulls(key_path, default_priority) > 0
        and num_nonnulls(max_count, period_seconds, burst, timeout_seconds) = 0
      -- throttle and rate_limit
      else num_nonnulls(max_count, period_seconds) = 2 and num_nonnulls(timeout_seconds, default_priority) = 0
    end
  )
);

comment on table stepbase.workflow_flow_controls is
  'Rules on when the runs of a workflow start: at most one of each kind. docs/guides/flow-control.md explains them.';
comment on column stepbase.workflow_flow_controls.kind is
  'concurrency: at most max_count runs of a key at the same time. throttle: at most max_count starts of a key in '
  'period_seconds; further runs wait. rate_limit: further starts are refused. debounce: starts of a key within '
  'period_seconds become one run with the last input. batch: starts of a key become one run with the list input.items. '
  'priority: the input decides the priority of the run.';
comment on column stepbase.workflow_flow_controls.key_path is
  'JSON path of names and array places into the input ($.customer.id); its value is the key, or of kind priority the '
  'priority. Null: one key for all runs. A missing value is the empty key.';
comment on column stepbase.workflow_flow_controls.max_count is
  'concurrency: runs; throttle and rate_limit: starts per period; batch: items.';
comment on column stepbase.workflow_flow_controls.period_seconds is
  'throttle and rate_limit: the period; debounce: how long the run waits after the last start.';
comment on column stepbase.workflow_flow_controls.burst is
  'throttle and rate_limit: starts that may follow each other at once after a quiet time. Null: of a throttle 1, so that '
  'starts are evenly spaced; of a rate limit max_count.';
comment on column stepbase.workflow_flow_controls.timeout_seconds is
  'debounce: how long after the first start the run starts at the latest; null: no limit. batch: how long after its first '
  'item a batch starts that is not full.';
comment on column stepbase.workflow_flow_controls.default_priority is
  'priority: the priority of a run whose input has no number at key_path.';

create index idx_workflow_flow_controls_workflow_id_app_code on stepbase.workflow_flow_controls (workflow_id, app_code);
-- Both decide which starts share a run.
create unique index idx_workflow_flow_controls_collecting
  on stepbase.workflow_flow_controls (workflow_id) where kind in ('debounce', 'batch');
create index idx_workflow_flow_controls_app_code on stepbase.workflow_flow_controls (app_code);
create index idx_workflow_flow_controls_created_by on stepbase.workflow_flow_controls (created_by);

-- Security definer: members may not write this column of the workflow.
create function stepbase_private.mark_flow_controls()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workflow_id constant uuid := coalesce(new.workflow_id, old.workflow_id);
begin
  -- The lock comes first: two members who change the last two controls at the same time must see each other.
  perform 1 from stepbase.workflows w where w.id = v_workflow_id for no key update;
  update stepbase.workflows w set has_flow_controls = not w.has_flow_controls
  where w.id = v_workflow_id
    and w.has_flow_controls <> exists (
      select 1 from stepbase.workflow_flow_controls c where c.workflow_id = v_workflow_id
    );
  return null;
end;
$$;

comment on function stepbase_private.mark_flow_controls() is
  'Trigger: keeps workflows.has_flow_controls, which a start reads anyway.';

create trigger workflow_flow_controls_10_mark after insert or delete on stepbase.workflow_flow_controls
  for each row execute function stepbase_private.mark_flow_controls();
create trigger workflow_flow_controls_keep_identity before update on stepbase.workflow_flow_controls
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'kind', 'created_at');

alter table stepbase.workflow_flow_controls enable row level security;

create trigger workflow_flow_controls_touch_updated_at before update on stepbase.workflow_flow_controls
  for each row execute function stepbase_private.touch_updated_at();

grant select, delete,
  insert (id, app_code, workflow_id, kind, key_path, max_count, period_seconds, burst, timeout_seconds,
    default_priority),
  update (key_path, max_count, period_seconds, burst, timeout_seconds, default_priority)
on stepbase.workflow_flow_controls to authenticated;
grant select, insert, update, delete on stepbase.workflow_flow_controls to service_role;

create policy "Members read their flow controls" on stepbase.workflow_flow_controls
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow writers create flow controls" on stepbase.workflow_flow_controls
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change flow controls" on stepbase.workflow_flow_controls
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers delete flow controls" on stepbase.workflow_flow_controls
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));
