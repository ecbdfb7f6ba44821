-- Steps that address another run: a child that signals or queries its parent, or a run its like.

create function stepbase_engine.external_run(p_run_id uuid, p_target text, p_permission text)
returns stepbase.runs
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_peer_id uuid;
  v_peer stepbase.runs;
begin
  select r.* into strict v_run from stepbase.runs r where r.id = p_run_id;
  if p_target = 'parent' then
    v_peer_id := v_run.parent_run_id;
  elsif p_target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_peer_id := p_target::uuid;
  end if;
  select r.* into v_peer from stepbase.runs r
  where r.id = v_peer_id and r.app_code = v_run.app_code;
  -- The parent is the parent, by whatever name.
  if v_peer.id = v_run.parent_run_id and not exists (
    select 1 from stepbase.workflow_children l
    where l.parent_workflow_id = v_peer.workflow_id and l.child_workflow_id = v_run.workflow_id
      and case p_permission when 'signal' then l.can_signal_parent else l.can_query_parent end
  ) then
    perform stepbase_private.raise_error(
      'permission_denied', format('this child may not %s its parent', p_permission)
    );
  end if;
  if v_peer.id is null then
    perform stepbase_private.raise_error('not_found', format('there is no such run: %s', p_target));
  end if;
  return v_peer;
end;
$$;

comment on function stepbase_engine.external_run(uuid, text, text) is
  'The run that a step of another run means: parent or the id of a run of the app. Its parent, by either, only if '
  'workflow_children allows it (signal or query). SB403, SB404.';

create function stepbase_engine.signal_from_step(
  p_run_id uuid, p_key text, p_target text, p_signal_name text, p_payload jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_peer stepbase.runs := stepbase_engine.external_run(p_run_id, p_target, 'signal');
begin
  perform stepbase_engine.accept_signal(v_peer, p_signal_name, p_payload, null, p_key);
  return jsonb_build_object('run_id', v_peer.id);
end;
$$;

comment on function stepbase_engine.signal_from_step(uuid, text, text, text, jsonb) is
  'Sends a signal for a step, once whatever its attempts (the key); returns {run_id}. SB403, SB404, and what '
  'stepbase_engine.accept_signal refuses.';

create function stepbase_engine.query_from_step(p_run_id uuid, p_target text, p_query_name text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return stepbase_engine.answer_query(stepbase_engine.external_run(p_run_id, p_target, 'query'), p_query_name);
end;
$$;

comment on function stepbase_engine.query_from_step(uuid, text, text) is
  'Asks another run for a step: {answer}, or {expression, state, return_type} when that takes JSONata. SB403, SB404, SB409.';
