-- Calls of components and their callbacks. The token exists before the call, so that a callback may come before the
-- worker has written that the step waits, or after the worker was lost.

create function stepbase_engine.open_callback(
  p_step_run_id uuid,
  p_fence int,
  p_component_id uuid,
  p_input jsonb,
  p_call_ms bigint,
  p_timeout_ms bigint,
  p_heartbeat_timeout_ms bigint
)
returns table (token text, expires_at timestamptz, secrets text[])
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_step stepbase.step_runs;
begin
  -- The input is written here, because a callback may end the step before its worker writes anything.
  update stepbase.step_runs s
  set input = p_input, updated_at = stepbase_engine.now()
  where s.id = p_step_run_id and s.status = 'running' and s.fence = p_fence
  returning s.* into v_step;
  if v_step.id is null or not stepbase_engine.is_leased(v_step.job_id) then
    perform stepbase_private.raise_error(
      'conflict', 'The attempt does not hold its lease any more', '{"reason": "lease_lost"}'
    );
  end if;
  token := stepbase_private.random_token('sbc_');
  expires_at := stepbase_engine.now() + (p_call_ms + p_timeout_ms) * interval '1 millisecond';
  secrets := stepbase_private.signing_secrets_of(p_component_id);
  insert into stepbase_private.step_callbacks (
    token_hash, app_code, step_run_id, component_id, timeout_ms, heartbeat_timeout_ms, expires_at
  )
  values (
    stepbase_private.token_hash(token), v_step.app_code, v_step.id, p_component_id, p_timeout_ms,
    p_heartbeat_timeout_ms, expires_at
  );
  return next;
end;
$$;

comment on function stepbase_engine.open_callback(uuid, int, uuid, jsonb, bigint, bigint, bigint) is
  'Makes the token of a call of a component for a running step, and returns it with the secrets that sign the call. p_input '
  'is the resolved config; p_call_ms the time limit of the call. Errors: SB409 with the reason lease_lost if the step does '
  'not run under this fence, or its token is not leased.';

create function stepbase_engine.find_callback(
  p_token text, out callback stepbase_private.step_callbacks, out step stepbase.step_runs
)
language plpgsql
set search_path = ''
as $$
begin
  -- Lock order: runs (2). Afterwards the callback shows whether another call has answered.
  perform 1
  from stepbase_private.step_callbacks c
  join stepbase.step_runs s on s.id = c.step_run_id
  join stepbase.runs r on r.id = s.run_id
  where c.token_hash = stepbase_private.token_hash(coalesce(p_token, ''))
  for no key update of r;
  select c.* into callback
  from stepbase_private.step_callbacks c
  join stepbase.applications a on a.app_code = c.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where c.token_hash = stepbase_private.token_hash(coalesce(p_token, '')) and c.expires_at > stepbase_engine.now();
  select s.* into step from stepbase.step_runs s where s.id = callback.step_run_id and s.app_code = callback.app_code;
  -- One answer for all, so that it tells nothing about tokens.
  if step.id is null then
    perform stepbase_private.raise_error('not_authenticated', 'The token of the callback is unknown or has expired');
  end if;
end;
$$;

comment on function stepbase_engine.find_callback(text) is
  'Returns the callback of a token with the attempt that it answers, and locks the run. Errors: SB401 unknown or expired.';

create function stepbase_engine.refuse_late_callback(p_step stepbase.step_runs)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_reason text;
begin
  v_reason := case
    when exists (
      select 1 from stepbase.step_runs s
      where s.run_id = p_step.run_id and s.step_id = p_step.step_id and s.item_index = p_step.item_index
        and s.attempt > p_step.attempt
    ) then 'attempt_superseded'
    when exists (select 1 from stepbase.runs r where r.id = p_step.run_id and r.completed_at is not null) then 'run_ended'
    else 'step_ended'
  end;
  perform stepbase_private.raise_error(
    'conflict',
    case v_reason
      when 'attempt_superseded' then format('Attempt %s of the step has ended, and a later one has begun', p_step.attempt)
      when 'run_ended' then 'The run has ended'
      else format('Attempt %s of the step has ended', p_step.attempt)
    end,
    jsonb_build_object('reason', v_reason, 'attempt', p_step.attempt, 'status', p_step.status)
  );
end;
$$;

comment on function stepbase_engine.refuse_late_callback(stepbase.step_runs) is
  'Raises SB409 conflict with the reason attempt_superseded, run_ended or step_ended for a callback to an attempt that '
  'has ended.';

create function stepbase_engine.await_callback(p_callback stepbase_private.step_callbacks, p_step stepbase.step_runs)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_step.status = 'waiting' and p_step.wait_kind = 'callback' then
    return;
  end if;
  if p_step.status not in ('ready', 'running') then
    perform stepbase_engine.refuse_late_callback(p_step);
  end if;
  -- The worker has not written yet that the step waits, or it was lost before. It cannot write anything afterwards.
  -- A step of a paused or suspended run may have no token.
  update stepbase.step_runs s
  set status = 'running', job_id = coalesce(s.job_id, stepbase_engine.new_id())
  where s.id = p_step.id and s.status = 'ready';
  perform stepbase_engine.wait(
    array[p_step.run_id], array[p_step.id], array[p_step.fence], array[p_step.input],
    array[jsonb_strip_nulls(jsonb_build_object(
      'kind', 'callback', 'timeout_ms', p_callback.timeout_ms,
      'heartbeat_timeout_ms', p_callback.heartbeat_timeout_ms
    ))]
  );
end;
$$;

comment on function stepbase_engine.await_callback(stepbase_private.step_callbacks, stepbase.step_runs) is
  'Makes the attempt of a callback wait for it, if its worker has not written that yet. Raises SB409 if the attempt has '
  'ended. The caller has locked the run.';

create function stepbase_engine.is_answered(p_callback stepbase_private.step_callbacks, p_answer text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_callback.answer <> p_answer then
    perform stepbase_private.raise_error(
      'conflict', format('The step was answered before: %s', p_callback.answer),
      jsonb_build_object('reason', 'already_answered', 'answer', p_callback.answer)
    );
  end if;
  return p_callback.answer is not null;
end;
$$;

comment on function stepbase_engine.is_answered(stepbase_private.step_callbacks, text) is
  'Whether a callback has given this answer before. Raises SB409 with the reason already_answered if it has given another one.';

create function stepbase_engine.complete_callback(p_token text, p_output jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_found record;
  v_schema jsonb;
  v_errors jsonb;
begin
  select f.callback, f.step into v_found from stepbase_engine.find_callback(p_token) f;
  if not stepbase_engine.is_answered(v_found.callback, 'completed') then
    select c.output_schema into v_schema from stepbase.components c where c.id = (v_found.callback).component_id;
    v_errors := case
      when v_schema is not null then stepbase_private.json_schema_errors(v_schema, coalesce(p_output, 'null'))
    end;
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input', 'The output does not match the output schema of the component', jsonb_build_object('errors', v_errors)
      );
    end if;
    perform stepbase_engine.await_callback(v_found.callback, v_found.step);
    update stepbase_private.step_callbacks c set answer = 'completed', answered_at = stepbase_engine.now()
    where c.token_hash = (v_found.callback).token_hash;
    perform stepbase_engine.complete_waiting_steps(
      array[(v_found.step).id], array[coalesce(p_output, 'null')], array[null::text]
    );
  end if;
  return jsonb_build_object('status', 'completed', 'attempt', (v_found.step).attempt);
end;
$$;

comment on function stepbase_engine.complete_callback(text, jsonb) is
  'Completes the step that called a component, with its output. Repeating it changes nothing. Errors: SB401 unknown or '
  'expired token, SB409 the attempt has ended (reason attempt_superseded, run_ended, step_ended or already_answered), '
  'SB422 the output does not match output_schema; the step waits on. Called by the HTTP API.';

create function stepbase_engine.fail_callback(p_token text, p_code text, p_message text, p_is_retryable boolean)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_found record;
begin
  if p_code is null or p_code !~ '^[a-z][a-z0-9_]{0,63}$' then
    perform stepbase_private.raise_error(
      'invalid_request', 'code must be snake_case, with at most 64 characters', '{"pointer": "/code"}'
    );
  end if;
  select f.callback, f.step into v_found from stepbase_engine.find_callback(p_token) f;
  if not stepbase_engine.is_answered(v_found.callback, 'failed') then
    perform stepbase_engine.await_callback(v_found.callback, v_found.step);
    update stepbase_private.step_callbacks c set answer = 'failed', answered_at = stepbase_engine.now()
    where c.token_hash = (v_found.callback).token_hash;
    perform stepbase_engine.fail(
      array[(v_found.step).run_id], array[(v_found.step).id], array[null::int], array[null::jsonb],
      array[jsonb_build_object(
        'code', p_code, 'message', left(coalesce(p_message, ''), 4000), 'retryable', coalesce(p_is_retryable, false)
      )]
    );
    perform stepbase_engine.notify_run((v_found.step).app_code, (v_found.step).run_id);
    perform pg_notify('stepbase', 'due');
  end if;
  return jsonb_build_object('status', 'failed', 'attempt', (v_found.step).attempt);
end;
$$;

comment on function stepbase_engine.fail_callback(text, text, text, boolean) is
  'Fails the attempt that called a component; its retry policy decides what follows. Repeating it changes nothing. Errors: SB400 '
  'invalid code, SB401 unknown or expired token, SB409 the attempt has ended. Called by the HTTP API.';

create function stepbase_engine.heartbeat_callback(p_token text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_found record;
  v_run stepbase.runs;
begin
  select f.callback, f.step into v_found from stepbase_engine.find_callback(p_token) f;
  select r.* into v_run from stepbase.runs r where r.id = (v_found.step).run_id;
  if (v_found.step).status = 'cancelled' or v_run.completed_at is not null
    or (v_run.pending_outcome is not null and (v_found.step).item_index <> -1)
  then
    return jsonb_build_object('cancelled', true);
  end if;
  if (v_found.step).completed_at is not null then
    perform stepbase_engine.refuse_late_callback(v_found.step);
  end if;
  update stepbase.step_runs s
  set
    wake_at = least(
      s.deadline_at, stepbase_engine.now() + (v_found.callback).heartbeat_timeout_ms * interval '1 millisecond'
    ),
    updated_at = stepbase_engine.now()
  where s.id = (v_found.step).id and s.status = 'waiting' and (v_found.callback).heartbeat_timeout_ms is not null;
  return jsonb_build_object('cancelled', false);
end;
$$;

comment on function stepbase_engine.heartbeat_callback(text) is
  'Extends the time until the next heartbeat of the step that called a component, and returns {cancelled}: true if the run '
  'has ended. Errors: SB401 unknown or expired token, SB409 the attempt has ended. Called by the HTTP API.';

create function stepbase_engine.prune_step_callbacks(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
begin
  delete from stepbase_private.step_callbacks c
  where c.token_hash in (
    select o.token_hash
    from stepbase_private.step_callbacks o
    where o.expires_at < stepbase_engine.now()
    order by o.expires_at
    limit p_limit
    for update skip locked
  );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function stepbase_engine.prune_step_callbacks(int) is
  'Deletes tokens of callbacks that have expired, at most p_limit; returns their number.';
