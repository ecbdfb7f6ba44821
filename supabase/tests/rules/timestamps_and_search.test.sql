-- Every update sets updated_at; text search finds names and descriptions; soft deletes keep rows.

begin;
set local search_path = public, extensions;
select plan(28);
select tests.create_rows();

-- now() is constant within a transaction, so the test backdates a row to see that the trigger sets updated_at.
create function pg_temp.is_stamped(table_name text, change text)
returns boolean
language plpgsql
as $$
declare
  stamped boolean;
begin
  execute format(
    'with u as (update stepbase.%I t set %s, updated_at = ''2000-01-01'' where t.app_code = ''tap-one'' returning t.updated_at) '
    'select bool_and(u.updated_at = now()) from u', table_name, change
  ) into stamped;
  return stamped;
end
$$;
select ok(pg_temp.is_stamped(t.name, t.change), 'an update of ' || t.name || ' sets updated_at')
from (
  values
    ('applications', $$description = 'x'$$), ('app_members', $$role = 'admin'$$), ('api_keys', $$name = 'x'$$),
    ('components', $$description = 'x'$$), ('agent_prompts', $$description = 'x'$$), ('projects', $$description = 'x'$$),
    ('task_queues', $$description = 'x'$$), ('workers', $$hostname = 'x'$$), ('workflows', $$description = 'Sorts parcels.'$$),
    ('workflow_versions', $$change_note = 'x'$$), ('work_queues', $$description = 'x'$$),
    ('workflow_signals', $$description = 'x'$$), ('workflow_queries', $$description = 'x'$$),
    ('workflow_schedules', $$name = 'x'$$), ('workflow_triggers', $$name = 'x'$$), ('webhook_subscriptions', $$description = 'x'$$), ('workflow_flow_controls', 'max_count = 9'), ('workflow_children', $$can_signal_parent = true$$),
    ('workflow_compilations', $$temporal_workflow_id = 'x'$$), ('work_queue_items', 'priority = 1'),
    ('activity_statistics', 'min_duration_ms = 1')
) t (name, change);

select is(
  tests.attempt('viewer', $$select 1 from stepbase.workflows where search @@ websearch_to_tsquery('english', 'sorting parcel')$$),
  'ok 1', 'search finds words of the description in any form'
);
select is(
  tests.attempt('viewer', $$select 1 from stepbase.workflows where search @@ websearch_to_tsquery('english', 'sample')$$), 'ok 1',
  'search finds words of the name'
);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.workflows where search @@ websearch_to_tsquery('english', 'sample')$$), 'ok 0',
  'search finds no workflow of another application'
);
select is(
  tests.attempt('developer', $$update stepbase.workflows set deleted_at = now()$$), 'ok 1', 'a developer can soft-delete a workflow'
);
select tests.perform_as('developer', $$with u as (update stepbase.workflows set description = 'z' returning updated_by) select updated_by from u$$);
select is(
  (select w.updated_by from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001'),
  '00000000-0000-4000-8000-00000000f002'::uuid, 'an update sets updated_by'
);

-- Deep queries would overflow PostgreSQL's stack.
select throws_ok(
  $$select stepbase_private.search_query(repeat('a or -', 200000))$$, 'SB400', null, 'a search query of a million characters is refused'
);
select lives_ok($$select stepbase_private.search_query(repeat('abcdefghi or ', 25))$$, 'a search query of 50 words is allowed');

select * from finish();
rollback;
