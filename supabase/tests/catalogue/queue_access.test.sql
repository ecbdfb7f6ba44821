-- Only functions of *_tokens.sql, *_queue_start.sql and *_explain_queue.sql use the tables of the queue.

begin;
set local search_path = public, extensions;
select plan(2);

create temporary view functions_on_the_queue as
select n.nspname || '.' || p.proname as name
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine')
  and (p.prosrc ~ 'stepbase_queue' or pg_get_function_sqlbody(p.oid) ~ 'stepbase_queue');

select set_eq(
  'select name from functions_on_the_queue',
  array[
    'stepbase_engine.create_first_token',
    'stepbase_engine.create_tokens',
    'stepbase_engine.current_deliveries',
    'stepbase_engine.delete_finished_tokens',
    'stepbase_engine.end_tokens',
    'stepbase_engine.expire_leases',
    'stepbase_engine.find_token',
    'stepbase_engine.front_round',
    'stepbase_engine.has_expired_leases',
    'stepbase_engine.has_queue',
    'stepbase_engine.has_queued_tokens',
    'stepbase_engine.is_leased',
    'stepbase_engine.last_round',
    'stepbase_engine.leased_tokens',
    'stepbase_engine.move_queue_start',
    'stepbase_engine.oldest_queued_token',
    'stepbase_engine.orphaned_steps',
    'stepbase_engine.prioritize_job',
    'stepbase_engine.queued_runs',
    'stepbase_engine.renew_leases',
    'stepbase_engine.return_tokens',
    'stepbase_engine.token_counts',
    'stepbase_engine.token_state'
  ],
  'no other function contains the schema of the queue'
);
select is_empty(
  $$select v.schemaname, v.viewname from pg_views v
    where v.schemaname in ('stepbase', 'stepbase_private', 'stepbase_engine') and v.definition ~ 'stepbase_queue'$$,
  'no view reads the tables of the queue'
);

select * from finish();
rollback;
