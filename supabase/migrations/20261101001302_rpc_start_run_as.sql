-- start_run_as: SQL of an operator starts a run: a function, a trigger, a job of pg_cron. There is no caller to check,
-- so only the owner of Stepbase (postgres) and the service role may execute it.

-- Security definer: the service role cannot write the queue.
create function stepbase_private.start_run_as(
  p_app_code text, p_workflow text, p_input jsonb, p_idempotency_key text, p_version int, p_priority int,
  p_tags text[], p_metadata jsonb, p_start_at text
)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform 1
  from stepbase.applications a
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where a.app_code = p_app_code and a.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Application %s does not exist', coalesce(p_app_code, 'null')),
      jsonb_build_object('app_code', p_app_code)
    );
  end if;
  return stepbase_private.start_run_in(
    p_app_code, p_workflow, p_input, p_idempotency_key, p_version, p_priority, 'sql', null, p_tags,
    p_metadata, stepbase_private.iso_time(p_start_at, 'start_at')
  );
end;
$$;

comment on function stepbase_private.start_run_as(text, text, jsonb, text, int, int, text[], jsonb, text) is
  'Implements stepbase.start_run_as.';
grant execute on function stepbase_private.start_run_as(text, text, jsonb, text, int, int, text[], jsonb, text)
to service_role;

create function stepbase.start_run_as(
  app_code text,
  workflow text,
  input jsonb default '{}',
  idempotency_key text default null,
  version int default null,
  priority int default null,
  tags text[] default '{}',
  metadata jsonb default '{}',
  start_at text default null
)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.start_run_as(
    start_run_as.app_code, start_run_as.workflow, start_run_as.input, start_run_as.idempotency_key,
    start_run_as.version, start_run_as.priority, start_run_as.tags, start_run_as.metadata, start_run_as.start_at
  );
$$;

comment on function stepbase.start_run_as(text, text, jsonb, text, int, int, text[], jsonb, text) is
  'Starts a run of a workflow (kebab_name) of any application and returns it, with trigger_type sql and no created_by. For '
  'functions, triggers and cron jobs of operators: only postgres and the service role may execute it. The run starts when '
  'the transaction commits. Arguments and limits are those of start_run. Errors: SB400 invalid option, SB404 '
  'unknown application, workflow or version, SB409 not published, or the key belongs to a run of another workflow or input '
  '(run_id in the detail), SB422 input does not match input_schema, SB425 schema too complex, SB429 too many runs wait, or the '
  'rate limit of the workflow refuses the start (retry_after in the detail).';
grant execute on function stepbase.start_run_as(text, text, jsonb, text, int, int, text[], jsonb, text) to service_role;
