-- Traces: a run is a trace of OpenTelemetry, or continues that of its caller. Workers export the spans
-- (functions/worker/tracing).

create function stepbase_engine.trace_of(p_metadata jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_metadata ? 'traceparent' then
    substring(
      p_metadata ->> 'traceparent' from '^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$'
    )
  end;
$$;

comment on function stepbase_engine.trace_of(jsonb) is
  'The trace id of traceparent (W3C Trace Context) in the metadata of a run; null without a valid one.';

create function stepbase_engine.child_metadata(p_parent_run_id uuid, p_metadata jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select p_metadata || coalesce(
    (
      select jsonb_build_object('traceparent', r.metadata -> 'traceparent')
      from stepbase.runs r
      where r.id = p_parent_run_id and r.metadata ? 'traceparent'
    ),
    '{}'
  );
$$;

comment on function stepbase_engine.child_metadata(uuid, jsonb) is
  'The metadata of a child run: traceparent is that of its parent, so that one decision about sampling holds for the trace.';
