-- The RPC that reruns a run. See rpc_runs for the pattern.

-- Security definer: no client may write the log.
create function stepbase_private.audit_rerun_edits(p_run stepbase.runs, p_outputs jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_values constant jsonb := case when p_run.edits ? 'input' then jsonb_build_object('input', p_run.input) else '{}' end
    || case when p_run.edits ? 'outputs' then jsonb_build_object('outputs', p_outputs) else '{}' end;
begin
  insert into stepbase.audit_log (
    app_code, table_name, row_id, operation, actor_id, api_key_id, actor_role, changed_columns, new_row
  )
  values (
    p_run.app_code, 'runs', p_run.id, 'insert', auth.uid(), (auth.jwt() ->> 'api_key_id')::uuid,
    coalesce(auth.jwt() ->> 'role', session_user),
    array(select k from jsonb_object_keys(v_values) k order by k),
    jsonb_build_object('id', p_run.id, 'origin_run_id', p_run.origin_run_id, 'edits', p_run.edits)
      -- The run has the values. The log outlives it, and keeps what fits.
      || case when length(v_values::text) <= 16384 then v_values else '{}' end
  );
end;
$$;

comment on function stepbase_private.audit_rerun_edits(stepbase.runs, jsonb) is
  'Writes a row of stepbase.audit_log for a rerun with another input or other outputs: who, why, which, and the values if '
  'they have at most 16,384 characters.';

-- Otherwise each member who may start a run could decide its approvals, or lead the run around them.
create function stepbase_private.avoidable_approvals(p_origin stepbase.runs, p_outputs jsonb)
returns setof text
language sql
stable
set search_path = ''
-- While the tables are small, the planner estimates a nested loop as cheap, which would read all pairs of steps.
set enable_nestloop = off
set jit = off
as $$
  with recursive edited as materialized (
    select
      n.node_id as step_id,
      case when n.node_type <> 'wait_for_approval' then
        stepbase_engine.edited_handle(n.workflow_version_id, n.node_id, p_outputs -> n.node_id)
      end as handle
    from stepbase.workflow_nodes n
    where n.workflow_version_id = p_origin.workflow_version_id and p_outputs ? n.node_id
  ),
  -- edge: is_certain if the run takes it after its source for all outputs.
  edge as materialized (
    select
      e.source_node_id as source_id, e.target_node_id as target_id,
      e.source_handle is null or coalesce(e.source_handle = d.handle, false) as is_certain
    from stepbase.workflow_edges e
    left join edited d on d.step_id = e.source_node_id
    where e.workflow_version_id = p_origin.workflow_version_id
  ),
  reached as (
    select e.target_id as step_id, e.is_certain
    from edited d
    join edge e on e.source_id = d.step_id
    union
    select e.target_id, r.is_certain and e.is_certain
    from reached r
    join stepbase.workflow_nodes n
      on n.workflow_version_id = p_origin.workflow_version_id and n.node_id = r.step_id
      -- A person decides what follows an approval that is asked again.
      and (n.node_type <> 'wait_for_approval' or p_outputs ? n.node_id)
    join edge e on e.source_id = r.step_id
  )
  select n.node_id
  from stepbase.workflow_nodes n
  join reached r on r.step_id = n.node_id
  where n.workflow_version_id = p_origin.workflow_version_id and n.node_type = 'wait_for_approval'
  group by n.node_id, n.config
  having not bool_or(r.is_certain)
    -- The output may name the person who decides.
    or concat(n.config ->> 'assigned_to', n.config ->> 'role') like '%{{%'
  union
  -- An agent asks again before its tools run, but the output may say whether, and whom.
  select n.node_id
  from stepbase.workflow_nodes n
  join reached r on r.step_id = n.node_id
  cross join lateral stepbase_private.agent_tools(n.node_type, n.config) t
  where n.workflow_version_id = p_origin.workflow_version_id
    and case jsonb_typeof(t.tool -> 'approval')
      when 'object' then (t.tool -> 'approval') - '{title,description}'::text[]
      else t.tool -> 'approval'
    end::text like '%{{%';
$$;

comment on function stepbase_private.avoidable_approvals(stepbase.runs, jsonb) is
  'The approvals that a rerun with these outputs of steps may never ask, or whose approver the outputs may choose: those after '
  'an edited step that a handle leads to. Certain are edges without a handle, and those of the handle of an edited output. Also '
  'agents after an edited step whose tools have an approval with templates.';

create function stepbase_private.protect_approvals(
  p_origin stepbase.runs, p_from_step text, p_input jsonb, p_outputs jsonb
)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_edited constant text[] := array(select k from jsonb_object_keys(p_outputs) k);
  v_approvals text[];
begin
  v_approvals := array(
    select p.step_id
    from stepbase_engine.rerun_plan(p_origin, p_from_step, v_edited) p
    join stepbase.workflow_nodes n
      on n.workflow_version_id = p_origin.workflow_version_id and n.node_id = p.step_id
      and n.node_type = 'wait_for_approval'
    where (v_edited <> '{}' or p_input <> p_origin.input) and (
      p.action = 'edited'
      or (
        p.action = 'copied' and p_input <> p_origin.input and exists (
          select 1 from stepbase_engine.resolved_steps(p_origin.id) s
          where s.step_id = p.step_id and s.status = 'completed'
        )
      )
    )
    union
    select a.step_id from stepbase_private.avoidable_approvals(p_origin, p_outputs) a (step_id)
  );
  if v_approvals = '{}' then
    return;
  end if;
  perform stepbase_private.require_permission('member:manage');
  if stepbase_private.person_id() = stepbase_private.requester_of(p_origin.id) and exists (
    select 1 from stepbase.workflow_nodes n
    where n.workflow_version_id = p_origin.workflow_version_id and n.node_id = any(v_approvals)
      and (n.config -> 'exclude_requester' = 'true' or exists (
        select 1 from stepbase.step_runs s
        where s.run_id = p_origin.id and s.step_id = n.node_id and s.task -> 'exclude_requester' = 'true'
      ))
  ) then
    perform stepbase_private.raise_error(
      'permission_denied', 'The person who started the run cannot decide this approval',
      jsonb_build_object('rule', 'exclude_requester')
    );
  end if;
end;
$$;

comment on function stepbase_private.protect_approvals(stepbase.runs, text, jsonb, jsonb) is
  'If a rerun sets the decision of an approval, may lead around one, or copies one for another input: raises SB403 unless the '
  'caller has member:manage, and for the person who started the run if the approval has exclude_requester.';

create function stepbase_private.rerun(
  p_run_id uuid, p_from_step text, p_input jsonb, p_outputs jsonb, p_reason text
)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_origin stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
  v_run stepbase.runs;
  v_outputs constant jsonb := coalesce(p_outputs, '{}');
  v_edited text[];
  v_first text := p_from_step;
  v_edits jsonb;
begin
  perform stepbase_private.check_rerun_arguments(v_outputs, p_reason);
  perform stepbase_engine.require_rerunnable(v_origin, p_from_step, v_outputs);
  v_edited := array(select k from jsonb_object_keys(v_outputs) k);
  perform stepbase_private.protect_approvals(v_origin, p_from_step, p_input, v_outputs);
  if v_first is null and v_edited <> '{}' then
    select p.step_id into strict v_first
    from stepbase_engine.rerun_plan(v_origin, null, v_edited) p
    where p.action = 'runs' order by p.ordinal limit 1;
  end if;
  v_run := stepbase_engine.start_run(
    v_origin.app_code, v_origin.workflow_version_id, coalesce(p_input, v_origin.input), 'manual', null,
    v_origin.priority, stepbase_private.user_id(), null, null, v_origin.id, v_first,
    v_origin.metadata, null, v_origin.tags
  );
  if v_first is not null then
    perform stepbase_engine.copy_results(
      v_run.id, v_origin.id, p_from_step, stepbase_engine.copied_steps(v_origin, p_from_step, v_edited), v_outputs
    );
  end if;
  v_edits := jsonb_strip_nulls(jsonb_build_object(
    'input', case when p_input <> v_origin.input then true end,
    'outputs', case when v_edited <> '{}' then to_jsonb(v_edited) end
  ));
  if v_edits <> '{}' then
    if v_first is not null and not exists (
      select 1 from stepbase.step_runs s where s.run_id = v_run.id and s.status in ('ready', 'running')
    ) then
      perform stepbase_private.raise_error(
        'conflict', 'No step would run again: with these outputs every further step is skipped'
      );
    end if;
    update stepbase.runs r
    set edits = v_edits || jsonb_strip_nulls(jsonb_build_object('reason', p_reason))
    where r.id = v_run.id
    returning r.* into v_run;
    perform stepbase_engine.append_events(
      array[stepbase_engine.run_event(
        'run.edited', v_run.id, v_run.app_code, v_run.status, v_run.created_by, v_run.edits
      )]
      || array(
        select stepbase_engine.step_event(
          'step.edited', v_run.id, v_run.app_code, s.step_id, 0, 1, 'completed', p_actor_id => v_run.created_by,
          p_payload => jsonb_strip_nulls(jsonb_build_object('handle', s.handle, 'reason', p_reason))
        )
        from stepbase.step_runs s
        where s.run_id = v_run.id and s.item_index = 0 and s.step_id = any(v_edited)
        order by s.context_version
      )
    );
    perform stepbase_private.audit_rerun_edits(v_run, v_outputs);
  end if;
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.rerun(uuid, text, jsonb, jsonb, text) is 'Implements stepbase.rerun.';
grant execute on function stepbase_private.rerun(uuid, text, jsonb, jsonb, text) to authenticated;

create function stepbase.rerun(
  run_id uuid, from_step text default null, input jsonb default null, outputs jsonb default null,
  reason text default null
)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.rerun(rerun.run_id, rerun.from_step, rerun.input, rerun.outputs, rerun.reason);
$$;

comment on function stepbase.rerun(uuid, text, jsonb, jsonb, text) is
  'Starts a new run with the version of a run that has ended, and links it to that run; requires run:execute. from_step: '
  'results of steps that do not depend on this step are copied, with their context. input: replaces the input. outputs: '
  '{step: output} sets outputs of steps; the steps after them run again, the others are copied. Edits are recorded with '
  'reason in runs.edits, as events and in the audit log. To set the decision of an approval, to set outputs that may lead around '
  'one, or to copy one for another input, requires member:manage. Errors: SB400, SB401, SB403, SB404 unknown run or a step it never '
  'reached, SB409 not ended, compensated (rerun without from_step and outputs), the workflow cannot be started, the step '
  'waits for others (waits_for), or no step would run again, SB422 input does not match input_schema.';
grant execute on function stepbase.rerun(uuid, text, jsonb, jsonb, text) to authenticated;
