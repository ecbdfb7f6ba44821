-- The warnings of explain: likely mistakes in a valid version of a workflow.

create function stepbase_engine.component_warnings(p_workflow_version_id uuid)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select n.node_id, w.code, w.message
  from stepbase.workflow_nodes n
  cross join lateral stepbase_engine.node_components(n) x
  left join stepbase.components c on c.id = x.component_id
  left join stepbase_engine.pinned_components p
    on p.workflow_version_id = n.workflow_version_id and p.component_id = x.component_id
  cross join lateral (
    values
      (
        c.id is null or not stepbase_private.may_use_component(n.app_code, c),
        'component_unavailable',
        format('The component %s was deleted, deactivated or is no longer shared: its steps fail', x.reference)
      ),
      (
        c.endpoint is distinct from p.endpoint,
        'component_endpoint_changed',
        format(
          'The endpoint of the component %s has changed since this version was saved or published: %s, before: %s',
          x.reference, coalesce(c.endpoint, 'none'), coalesce(p.endpoint, 'none')
        )
      )
  ) w (applies, code, message)
  where n.workflow_version_id = p_workflow_version_id
    and w.applies
    and not (w.code = 'component_endpoint_changed' and c.id is null)
  order by n.ordinal, x.part, w.code;
$$;

comment on function stepbase_engine.component_warnings(uuid) is
  'Warnings about the components that a version is pinned to: component_unavailable, component_endpoint_changed.';

create function stepbase_engine.url_problems(p_type stepbase.step_types, p_config jsonb)
returns table (code text, message text)
language sql
stable
set search_path = ''
as $$
  with url as (
    -- A template that is only a secret is chosen by the one who set the secret, not by data.
    select
      btrim(p_config ->> 'url', E' \t\n\r') as written,
      regexp_replace(
        p_config ->> 'url', '\{\{\s*secrets\s*\.\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}', 'secret', 'g'
      ) as without_secrets
    where p_type.config_schema -> 'properties' ? 'url' and jsonb_typeof(p_config -> 'url') = 'string'
  )
  select w.code, w.message
  from url u
  cross join lateral (
    values
      (
        u.written ~ '\{\{\s*\$raw\s*\(',
        'url_not_encoded',
        '$raw puts a value into its URL as it is: data can change the path, the query and what follows'
      ),
      (
        regexp_replace(u.without_secrets, '^\s*[A-Za-z][A-Za-z0-9+.-]*:[/\\]*', '') ~ '^[^/?#\\]*\{\{'
          and exists (
            select 1 from stepbase_engine.expression_facts(p_type.name, p_config) f where cardinality(f.secrets) > 0
          ),
        'secret_host_from_data',
        'sends a secret to a host that an expression chooses: write the host into the URL, or store with the secret the hosts that may receive it'
      )
  ) w (applies, code, message)
  where w.applies;
$$;

comment on function stepbase_engine.url_problems(stepbase.step_types, jsonb) is
  'Warnings about the URL of a config: url_not_encoded, secret_host_from_data.';

create function stepbase_engine.url_warnings(p_workflow_version_id uuid)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select n.node_id, u.code, u.message
  from stepbase.workflow_nodes n
  -- The config that executes (for a for_each, that of its step) and that of the compensation.
  cross join lateral (
    values (coalesce(n.config -> 'step', jsonb_build_object('type', n.node_type, 'config', n.config))), (n.compensate)
  ) as w (work)
  join stepbase.step_types t on t.name = w.work ->> 'type'
  cross join lateral stepbase_engine.url_problems(t, w.work -> 'config') u
  where n.workflow_version_id = p_workflow_version_id
  order by n.ordinal, u.code;
$$;

comment on function stepbase_engine.url_warnings(uuid) is
  'Warnings about URLs of a version: url_not_encoded, secret_host_from_data.';

create function stepbase_engine.explain_warnings(p_workflow_version_id uuid)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  with node as (
    select
      n.*,
      w.id as workflow_id,
      w.app_code as workflow_app,
      w.execution_timeout_seconds * 1000::bigint as run_ms,
      f.reads_everything,
      stepbase_engine.max_attempts(n.retry) as attempts,
      stepbase_engine.retry_plan(n.retry) as plan,
      coalesce(n.config -> 'step', jsonb_build_object('type', n.node_type, 'config', n.config)) as work,
      t.wait_kind,
      t.handles is null as may_leave_by_any_handle,
      t.config_schema #> '{properties,concurrency,default}' as default_concurrency,
      stepbase_engine.deadline_of(t, n.config) as wait,
      stepbase_engine.may_wait_forever(t, n.config, n.retry) as may_wait_forever,
      (
        select coalesce(array_agg(coalesce(e.source_handle, '')), '{}')
        from stepbase.workflow_edges e
        where e.workflow_version_id = n.workflow_version_id and e.source_node_id = n.node_id
      ) as handles
    from stepbase.workflow_nodes n
    join stepbase.workflow_versions v on v.id = n.workflow_version_id
    join stepbase.workflows w on w.id = v.workflow_id
    join stepbase.step_types t on t.name = n.node_type
    cross join lateral stepbase_engine.expression_facts(n.node_type, n.config) f
    where n.workflow_version_id = p_workflow_version_id
  )
  select n.node_id, x.code, x.message
  from node n
  -- The type that executes (for a for_each, that of its step) and the type of the compensation.
  left join stepbase.step_types worker on worker.name = n.work ->> 'type'
  left join stepbase.step_types compensator on compensator.name = n.compensate ->> 'type'
  cross join lateral (
    values
      (
        n.may_wait_forever,
        'wait_without_deadline',
        format('waits until the run times out (%s s): give it a deadline', n.run_ms / 1000)
      ),
      (
        stepbase_engine.may_wait_forever(compensator, n.compensate -> 'config', n.compensate -> 'retry'),
        'wait_without_deadline',
        'its compensation waits without a time limit: give it a deadline'
      ),
      (
        jsonb_typeof(n.wait) = 'number' and (n.wait #>> '{}')::numeric >= n.run_ms,
        'wait_outlasts_run',
        format('waits %s ms, but the run times out after %s ms', n.wait #>> '{}', n.run_ms)
      ),
      (
        n.timeout_ms >= n.run_ms,
        'attempt_outlasts_run',
        format('an attempt may take %s ms, but the run times out after %s ms', n.timeout_ms, n.run_ms)
      ),
      (
        (n.plan ->> 'all_waits_ms')::bigint >= n.run_ms,
        'retries_outlast_run',
        format('the waits between its attempts add up to %s ms, but the run times out after %s ms',
          n.plan ->> 'all_waits_ms', n.run_ms)
      ),
      (
        n.attempts > 1 and not coalesce(n.retry ?| array['retry_on', 'max_elapsed_ms'], false)
          and not worker.has_retryable_errors,
        'retry_has_no_effect',
        format('the errors of %s are not retried, except for time-outs and crashes', n.work ->> 'type')
      ),
      (
        n.retry is not null and n.attempts = 1 and not n.retry ? 'max_elapsed_ms',
        'retry_has_no_effect',
        'max_attempts includes the first attempt: 1 means no retry'
      ),
      (
        n.attempts > 1 and n.work ->> 'type' = 'send_email',
        'effect_may_repeat',
        'a mail server may have accepted a mail although the attempt failed: it can be sent twice'
      ),
      (
        worker.config_schema -> 'properties' ? 'headers' and exists (
          select 1 from jsonb_each_text(case jsonb_typeof(n.work -> 'config' -> 'headers')
            when 'object' then n.work -> 'config' -> 'headers' else '{}' end) h
          where lower(h.key) = 'idempotency-key' and strpos(h.value, '{{') = 0
        ),
        'idempotency_key_is_constant',
        'sends the same Idempotency-Key in every run: the receiver will execute it once for all of them'
      ),
      (
        n.work ->> 'type' = 'send_email' and exists (
          select 1
          from jsonb_array_elements(case jsonb_typeof(n.work -> 'config' -> 'attachments')
            when 'array' then n.work -> 'config' -> 'attachments' else '[]' end) a (attachment)
          where strpos(a.attachment ->> 'content', '{{') = 0
        ),
        'attachment_is_constant',
        'attachments: a content without a template is a part of the definition, and the same file in every mail'
      ),
      (
        n.wait_kind = 'items' and not n.config ? 'concurrency',
        'for_each_default_concurrency',
        format('executes %s items at a time, because concurrency is not set', n.default_concurrency)
      ),
      (
        n.reads_everything,
        'reads_whole_context',
        'may read all outputs of the run and loads them all: name the steps that it needs'
      ),
      (
        n.may_wait_forever and 'timeout' = any (n.handles),
        'timeout_edge_never_taken',
        'has a timeout edge but no deadline'
      ),
      (
        n.wait_kind = 'delay' and jsonb_typeof(n.wait) = 'number' and n.handles && array['error', 'timeout'],
        'error_edge_never_taken',
        'a delay of a fixed time does not fail'
      ),
      (
        n.on_error = 'continue' and 'error' = any (n.handles),
        'on_error_never_used',
        'its error edge takes every failure, so on_error: continue has no effect'
      ),
      (
        n.may_leave_by_any_handle and not exists (
          select 1 from unnest(n.handles) h where h not in ('', 'error', 'timeout')),
        'condition_chooses_nothing',
        'no edge has a handle, so its value has no effect'
      ),
      (
        n.may_leave_by_any_handle
          and not n.handles && array['', 'default']
          and exists (select 1 from unnest(n.handles) h where h not in ('error', 'timeout', 'true', 'false'))
          -- A choice between literals that ends with one cannot have another value.
          and not (
            n.config ->> 'expression' ~ ':\s*([''"])[^''"]*\1[\s)]*$'
            and not exists (
              select 1 from unnest(n.handles) h
              where h not in ('error', 'timeout')
                and strpos(n.config ->> 'expression', '''' || h || '''') = 0
                and strpos(n.config ->> 'expression', '"' || h || '"') = 0
            )
          ),
        'value_may_take_no_edge',
        'a value that is not the handle of an edge takes none, and the run continues without it; an edge with the handle '
          'default takes every other value'
      ),
      (
        n.node_type = 'wait_for_approval' and not n.handles && array['approved', 'rejected'],
        'decision_ignored',
        'no edge has the handle approved or rejected, so the decision has no effect'
      ),
      (
        n.join_mode = 'any' and n.in_degree < 2,
        'join_has_no_effect',
        'joins any of its incoming edges but has fewer than two'
      ),
      (
        worker.config_schema -> 'properties' ? 'queue' and strpos(n.work -> 'config' ->> 'queue', '{{') = 0
          and not exists (
            select 1
            from stepbase.work_queues q
            join stepbase.workflows o on o.id = q.workflow_id
            where o.app_code = n.workflow_app
              and (
                n.work -> 'config' ->> 'queue' = o.kebab_name || '/' || q.queue_name
                or (o.id = n.workflow_id and n.work -> 'config' ->> 'queue' = q.queue_name)
              )
          ),
        'work_queue_missing',
        format('the work queue %s does not exist', n.work -> 'config' ->> 'queue')
      ),
      (
        worker.wait_kind = 'child' and strpos(n.work -> 'config' ->> 'workflow', '{{') = 0
          and not exists (
            select 1 from stepbase.workflows c
            where c.id = stepbase_private.child_workflow_id(n.workflow_id, n.work -> 'config' ->> 'workflow')
              and stepbase_engine.is_runnable(c)
          ),
        'child_not_published',
        format('there is no workflow %s that can be started', n.work -> 'config' ->> 'workflow')
      )
  ) as x (applies, code, message)
  where x.applies
  order by n.ordinal, x.code;
$$;

comment on function stepbase_engine.explain_warnings(uuid) is
  'Likely mistakes in a valid version: one row {node_id, code, message} each; codes are stable.';
