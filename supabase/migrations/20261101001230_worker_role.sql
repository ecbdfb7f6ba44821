-- The role of the functions: stepbase_worker may do what the worker and the API do, and nothing else. The server
-- ends its long statements, so that no statement of one app can hold the others for long.
--
-- The role has no password and cannot log in until an operator allows it. If the role that migrates may not
-- create roles, an operator creates stepbase_worker first, or the functions connect as postgres.

do $do$
begin
  create role stepbase_worker nologin noinherit;
exception
  -- Roles belong to the server: another database of it may have the role, or create it at this moment.
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise notice 'stepbase: the role stepbase_worker cannot be created here; the functions connect as postgres';
end;
$do$;

do $do$
begin
  -- A statement of the worker takes milliseconds. One that waits for a lock must fail first: a statement timeout
  -- counts as the fault of the steps in the statement, a lock timeout does not.
  alter role stepbase_worker set statement_timeout = '15s';
  alter role stepbase_worker set lock_timeout = '5s';
  alter role stepbase_worker set idle_in_transaction_session_timeout = '30s';
exception
  when undefined_object or insufficient_privilege then
    raise notice 'stepbase: the limits of the role stepbase_worker are not set: %', sqlerrm;
  -- Two databases of a server that are migrated at the same time set the same values.
  when internal_error then
    if sqlerrm not like 'tuple concurrently %' then
      raise;
    end if;
end;
$do$;

create function stepbase_engine.worker_functions()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    -- Whether they fit the schema.
    'stepbase_engine.version',
    -- Steps.
    'stepbase_engine.claim', 'stepbase_engine.complete', 'stepbase_engine.fail', 'stepbase_engine.wait',
    -- Tokens and leases.
    'stepbase_engine.release', 'stepbase_engine.renew_leases', 'stepbase_engine.expire_leases',
    'stepbase_engine.heartbeat', 'stepbase_engine.has_queue', 'stepbase_engine.continue_worker',
    'stepbase_engine.move_queue_start',
    -- Timers, schedules, admission.
    'stepbase_engine.now', 'stepbase_engine.wake', 'stepbase_engine.has_due_schedules',
    'stepbase_engine.due_schedules', 'stepbase_engine.fire_schedules', 'stepbase_engine.start_queued_runs',
    'stepbase_engine.due_backfills', 'stepbase_engine.plan_backfill', 'stepbase_engine.advance_backfills',
    'stepbase_engine.admit',
    'stepbase_engine.suspend_timers', 'stepbase_engine.wake_run_isolated', 'stepbase_engine.fail_unwakeable_run',
    'stepbase_engine.postpone_timers',
    -- Checks of published versions.
    'stepbase_engine.has_due_version_checks', 'stepbase_engine.due_version_checks',
    'stepbase_engine.record_version_check',
    -- Mails of Stepbase itself.
    'stepbase_engine.has_due_mails', 'stepbase_engine.take_mails', 'stepbase_engine.record_mail',
    -- Outputs in Supabase Storage.
    'stepbase_engine.register_stored_output', 'stepbase_engine.has_deletable_outputs',
    'stepbase_engine.take_deletable_outputs', 'stepbase_engine.forget_stored_outputs',
    -- Log lines of steps.
    'stepbase_engine.write_step_logs', 'stepbase_engine.append_step_logs',
    -- Texts of models for the watchers of a run.
    'stepbase_engine.send_step_texts',
    -- Operations on many runs.
    'stepbase_engine.has_due_operations', 'stepbase_engine.due_operations', 'stepbase_engine.advance_operation',
    'stepbase_engine.fail_operation_run',
    -- The outbox.
    'stepbase_engine.has_messages', 'stepbase_engine.outbox_apps', 'stepbase_engine.relay_messages', 'stepbase_engine.relay_app',
    'stepbase_engine.relay_app_traced',
    'stepbase_engine.record_relay_failure', 'stepbase_engine.confirm_published',
    -- Webhook deliveries.
    'stepbase_engine.has_due_webhook_deliveries', 'stepbase_engine.claim_webhook_deliveries',
    'stepbase_engine.record_webhook_attempt',
    -- What steps do in the database.
    'stepbase_engine.push_from_step', 'stepbase_engine.pop_from_step', 'stepbase_engine.signal_from_step',
    'stepbase_engine.query_from_step', 'stepbase_engine.call_function', 'stepbase_engine.read_secret',
    'stepbase_engine.count_use',
    'stepbase_engine.count_tokens', 'stepbase_engine.open_callback',
    -- Turns of agents.
    'stepbase_engine.load_agent_turns', 'stepbase_engine.store_agent_turn',
    -- Reads.
    'stepbase_engine.load_plans', 'stepbase_engine.load_items', 'stepbase_engine.load_elapsed',
    'stepbase_engine.load_runs', 'stepbase_engine.load_outputs', 'stepbase_engine.ended_runs',
    -- The API: keys, webhooks, readiness, links in mails.
    'stepbase_private.verify_api_key', 'stepbase_private.webhook_secrets_of', 'stepbase_engine.start_webhook',
    'stepbase_engine.record_webhook_call',
    'stepbase_private.has_realtime_policy', 'stepbase_engine.metrics', 'stepbase_engine.read_task_link',
    'stepbase_engine.use_task_link',
    -- The API: callbacks of components.
    'stepbase_engine.complete_callback', 'stepbase_engine.fail_callback', 'stepbase_engine.heartbeat_callback',
    'stepbase_engine.log_callback',
    -- The bridge to Temporal, and activities there.
    'stepbase_engine.take_temporal_commands', 'stepbase_engine.confirm_temporal_commands',
    'stepbase_engine.postpone_temporal_commands', 'stepbase_engine.open_temporal_runs',
    'stepbase_engine.temporal_namespaces',
    'stepbase_engine.mirror_temporal', 'stepbase_engine.fail_temporal_run', 'stepbase_engine.report_bridge',
    'stepbase_engine.enter_activity'
  ];
$$;

comment on function stepbase_engine.worker_functions() is
  'Returns the functions that the worker and the API call on their own connection: all that stepbase_worker may execute.';

do $do$
declare
  v_name text;
  v_function regprocedure;
  v_table text;
begin
  foreach v_name in array stepbase_engine.worker_functions() loop
    v_function := v_name::regproc::regprocedure;
    -- Definer functions: the caller needs no privilege on any table. Clients have none on these functions.
    execute format('alter function %s security definer', v_function);
    if to_regrole('stepbase_worker') is not null then
      execute format('grant execute on function %s to stepbase_worker', v_function);
    end if;
  end loop;
  if to_regrole('stepbase_worker') is null then
    return;
  end if;

  grant usage on schema stepbase_engine, stepbase_private, stepbase_queue to stepbase_worker;
  -- pg-boss's fetch: it reads the queues and leases jobs.
  grant select on stepbase_queue.version, stepbase_queue.queue to stepbase_worker;
  grant execute on function stepbase_queue.job_now() to stepbase_worker;
  select q.table_name into strict v_table from stepbase_queue.queue q where q.name = 'steps';
  execute format('grant select on stepbase_queue.%I to stepbase_worker', v_table);
  execute format(
    'grant update (state, started_on, heartbeat_on, retry_count) on stepbase_queue.%I to stepbase_worker', v_table
  );
  begin
    -- The API executes statements as its caller. noinherit: the role has none of these privileges otherwise.
    grant authenticated to stepbase_worker;
  exception when insufficient_privilege then
    raise notice 'stepbase: grant authenticated to stepbase_worker as an administrator; the API needs it';
  end;
end;
$do$;
