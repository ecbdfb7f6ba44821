-- Secrets: admins set, roll back and delete them, developers list them, and no client reads a value. An attempt reads
-- one while its token is leased, and the audit log has the first read of each run.

begin;
set local search_path = public, extensions;
select plan(74);
select tests.create_rows();
delete from stepbase_private.secrets where app_code = 'tap-one';

create function pg_temp.set_secret(p_who text, p_name text, p_value text, p_hosts text default 'null')
returns text
language sql
as $$
  select tests.attempt(p_who, format('select stepbase.set_secret(%L, %L, %s)', p_name, p_value, p_hosts));
$$;
create function pg_temp.admin(p_statement text)
returns text
language sql
as $$ select tests.perform_as('admin', p_statement) $$;

-- Who may do what.
select is(pg_temp.set_secret('admin', 'key', 'v'), 'ok 1', 'an admin sets a secret');
select is(pg_temp.set_secret(w.who, 'key', 'v'), w.answer, w.who || ' cannot set a secret')
from (
  values ('developer', 'SB403'), ('viewer', 'SB403'), ('stranger', 'SB403'), ('removed', 'SB403'), ('anon', '42501')
) w (who, answer);
select is(
  pg_temp.set_secret('admin', n.name, 'v'), 'SB400', format('the name %s is refused', coalesce(quote_literal(n.name), 'null'))
)
from (
  values (null), (''), ('a-b'), ('1a'), ('a.b'), ('a/b'), ('clé'), (E'a\n'), (repeat('a', 129))
) n (name);
select is(pg_temp.set_secret('admin', 'key', ''), 'SB400', 'a secret is not empty');
select is(pg_temp.set_secret('admin', 'key', null), 'SB400', 'a secret is not null');
select is(pg_temp.set_secret('admin', 'key', repeat('é', 32769)), 'SB400', 'a secret has at most 65,536 bytes');
select is(pg_temp.set_secret('admin', 'key', repeat('é', 32768)), 'ok 1', 'and may have as many');
select is(
  pg_temp.set_secret('admin', 'key', 'v', format('%L::text[]', h.hosts)), h.answer, format('hosts %s', h.hosts)
)
from (
  values
    ('{api.example.com}', 'ok 1'), ('{*.example.com,API.example.com:8443,"[::1]:80",localhost}', 'ok 1'), ('{*}', 'ok 1'),
    ('{}', 'SB400'), ('{*,a.example}', 'SB400'), ('{https://a.example}', 'SB400'), ('{a.example/x}', 'SB400'),
    ('{*.}', 'SB400'), ('{a..b}', 'SB400'), ('{a.*.b}', 'SB400'), ('{"a b"}', 'SB400'), ('{NULL}', 'SB400'), ('{""}', 'SB400')
) h (hosts, answer);

-- Versions.
select is(
  pg_temp.admin($$select stepbase.set_secret('key', 'first-value', '{Api.example}')$$)::jsonb,
  '{"name": "key", "version": 1, "allowed_hosts": ["api.example"]}', 'the answer names the version, not the value'
);
select is(
  pg_temp.admin($$select stepbase.set_secret('key', 'second-value')$$)::jsonb,
  '{"name": "key", "version": 2, "allowed_hosts": ["api.example"]}', 'a new version keeps the hosts'
);
select is(
  pg_temp.admin($$select stepbase.set_secret('key', 'third-value', '{*}')$$)::jsonb,
  '{"name": "key", "version": 3, "allowed_hosts": null}', 'unless it allows every host'
);
create function pg_temp.used(p_app text default 'tap-one')
returns text
language sql
as $$ select format('%s %s %s', s.version, s.value, s.hosts) from stepbase_private.stored_secret(p_app, 'key') s $$;
select is(pg_temp.used(), '3 third-value ', 'steps use the newest version');
select is(
  pg_temp.admin($$select stepbase.rollback_secret('key', 1)$$)::jsonb,
  '{"name": "key", "version": 1, "allowed_hosts": ["api.example"]}', 'an earlier version returns'
);
select is(pg_temp.used(), '1 first-value {api.example}', 'with its value and its hosts');
select is(tests.attempt('admin', $$select stepbase.rollback_secret('key', 9)$$), 'SB404', 'an unknown version does not');
select is(tests.attempt('admin', $$select stepbase.rollback_secret('other', 1)$$), 'SB404', 'nor does an unknown secret');
select is(tests.attempt('developer', $$select stepbase.rollback_secret('key', 2)$$), 'SB403', 'nor for a developer');
select is(tests.attempt('sister', $$select stepbase.rollback_secret('key', 2)$$), 'SB404', 'nor for another application');
select is(
  pg_temp.admin($$select stepbase.set_secret('key', 'fourth-value')$$)::jsonb ->> 'version', '4',
  'the number of a version is never used again'
);
select pg_temp.admin(format('select stepbase.set_secret(%L, %L)', 'key', 'value ' || n)) from generate_series(5, 12) n;
select is(
  (
    select array_agg(v.version order by v.version)::text from stepbase_private.secret_versions v where v.app_code = 'tap-one'
  ), '{3,4,5,6,7,8,9,10,11,12}', 'the newest ten versions are kept'
);
select is(
  (
    select count(*)::int from vault.secrets s where s.name like 'stepbase/secret/tap-one/key/%'
  ), 10, 'Vault has only those, too'
);
select is_empty(
  $$select 1 from stepbase_private.secret_versions v where v.value is not null$$, 'the table has no value if there is Vault'
);
select is_empty(
  $$select 1 from vault.secrets s where s.secret like '%value 12%' or s.description like '%value 12%'$$, 'Vault encrypts it'
);

-- Lists.
select tests.perform_as('foreigner', $$select stepbase.set_secret('key', 'of another')$$);
select is(pg_temp.used('tap-three'), '1 of another ', 'each application has its own');
select vault.create_secret('by hand', 'stepbase/app/tap-one/manual', '{"hosts": ["api.example"]}');
select vault.create_secret('by hand', 'stepbase/app/tap-one-b/manual');
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, created_by)
select
  tests.sample_id('draft'), 'tap-one', tests.sample_id('workflow'), 2, jsonb_build_object(
    'nodes', jsonb_build_array(
      jsonb_build_object('id', 'call', 'type', 'http_request', 'data', jsonb_build_object('config', jsonb_build_object(
        'url', 'https://api.example', 'headers', jsonb_build_object('x', '{{ $uppercase(secrets.key) & "secrets.text" }}')
      ))),
      jsonb_build_object('id', 'each', 'type', 'for_each', 'data', jsonb_build_object('config', jsonb_build_object(
        'items', '{{ input.list }}',
        'step', jsonb_build_object('type', 'http_request', 'config', jsonb_build_object(
          'url', 'https://api.example', 'headers', jsonb_build_object('x', '{{ secrets.`manual` }}')
        ))
      ))),
      jsonb_build_object('id', 'undone', 'type', 'http_request', 'data', jsonb_build_object(
        'config', jsonb_build_object('url', 'https://api.example'),
        'compensate', jsonb_build_object('type', 'http_request', 'config', jsonb_build_object(
          'url', 'https://api.example', 'body', '{{ secrets.undo }}'
        ))
      ))
    ),
    'edges', '[]'::jsonb
  ), null;
select is_empty(
  $$select 1 from stepbase_private.secret_references('tap-one')$$, 'drafts do not count as users of a secret'
);
update stepbase.workflow_versions v set status = 'published', published_at = now() where v.id = tests.sample_id('draft');
update stepbase.workflows w set published_version_id = tests.sample_id('draft') where w.id = tests.sample_id('workflow');
select set_eq(
  $$select r.name, r.workflows[1] from stepbase_private.secret_references('tap-one') r$$,
  $$values ('key', 'w-00d001'), ('manual', 'w-00d001'), ('undo', 'w-00d001')$$,
  'published workflows do: in configs, items and compensations'
);
select is(
  pg_temp.admin(
    $$select jsonb_agg(to_jsonb(s) - '{created_at,updated_at}'::text[]) from stepbase.list_secrets() s$$
  )::jsonb,
  '[{"name": "key", "source": "application", "version": 12, "versions": [12, 11, 10, 9, 8, 7, 6, 5, 4, 3],
     "allowed_hosts": ["api.example"], "workflows": ["w-00d001"]},
    {"name": "manual", "source": "operator", "version": null, "versions": [], "allowed_hosts": ["api.example"],
     "workflows": ["w-00d001"]}]',
  'the list has names, versions, hosts and workflows'
);
select is(
  pg_temp.admin($$select count(*) from stepbase.list_secrets() s where s.created_at is null or s.updated_at is null$$), '0',
  'and dates'
);
select is(
  tests.attempt(w.who, 'select * from stepbase.list_secrets()'), w.answer, w.who || ' lists ' || w.answer
)
from (values ('developer', 'ok 2'), ('viewer', 'SB403'), ('sister', 'ok 0'), ('foreigner', 'ok 1'), ('anon', '42501')) w (who, answer);

-- Attempts.
update stepbase.runs r set status = 'running', started_at = now(), open_steps = 1 where r.id = tests.sample_id('run');
insert into stepbase_queue.job (id, name, state) values ('00000000-0000-4000-8000-00000000a001', 'steps', 'active');
update stepbase.step_runs s
set status = 'running', fence = 2, job_id = '00000000-0000-4000-8000-00000000a001'
where s.id = tests.sample_id('step_run');
create function pg_temp.read(p_name text default 'key', p_fence int default 2, p_change text default 'select 1')
returns text
language plpgsql
as $$
declare
  v_read text;
begin
  execute p_change;
  select format('%s %s', s.value, s.hosts) into v_read
  from stepbase_engine.read_secret(tests.sample_id('step_run'), p_fence, p_name) s;
  return coalesce(v_read, 'none');
exception when others then
  return sqlstate;
end;
$$;
create function pg_temp.reads()
returns bigint
language sql
as $$ select count(*) from stepbase.audit_log l where l.operation = 'read' $$;
select is(pg_temp.read(p_fence => 1), 'SB409', 'an attempt that another worker has claimed reads no secret');
select is(
  pg_temp.read(p_change => $$update stepbase_queue.job set state = 'retry' where id = '00000000-0000-4000-8000-00000000a001'$$),
  'SB409', 'nor does one whose lease has expired'
);
select is(
  pg_temp.read(p_change => $$update stepbase.step_runs set status = 'cancelled', completed_at = now()
    where id = tests.sample_id('step_run')$$), 'SB409', 'nor does one that has ended'
);
select is(pg_temp.read('other'), 'none', 'a name without a secret gives no row');
select is(pg_temp.reads(), 0::bigint, 'and no audit row');
select is(pg_temp.read(), 'value 12 {api.example}', 'the attempt reads the version in use');
select is(pg_temp.read(), 'value 12 {api.example}', 'again, too');
select is(pg_temp.read('manual'), 'by hand {api.example}', 'and what an operator stored in Vault');
select results_eq(
  $$select l.table_name, l.row_id, l.new_row, l.actor_id from stepbase.audit_log l where l.operation = 'read' order by 2$$,
  format(
    $$values ('secrets', 'key', '{"run_id": "%1$s", "step_id": "first", "version": 12}'::jsonb, null::uuid),
      ('secrets', 'manual', '{"run_id": "%1$s", "step_id": "first", "version": null}', null)$$,
    tests.sample_id('run')
  ),
  'the audit log has one row for each secret of the run'
);
select is_empty(
  $$select 1 from stepbase.audit_log l where concat(l.old_row, l.new_row) ~ 'value 12|vault_id|by hand'$$,
  'no audit row has a value'
);
select is(
  (
    select count(*)::int from stepbase.audit_log l
    where l.app_code = 'tap-one' and l.table_name = 'secrets' and l.operation = 'update'
      and l.actor_id = (select p.user_id from tests.person('admin') p)
  ), 12, 'the audit log has who changed the version'
);

-- Deletion and limits.
select is(tests.attempt('developer', $$select stepbase.delete_secret('key')$$), 'SB403', 'a developer deletes no secret');
select is(tests.attempt('admin', $$select stepbase.delete_secret('manual')$$), 'SB404', 'an admin deletes none of the operator');
select pg_temp.admin($$select stepbase.delete_secret('key')$$);
select is_empty(
  $$select 1 from vault.secrets s where s.name like 'stepbase/secret/tap-one/%'$$, 'a deleted secret leaves Vault with all versions'
);
select is(pg_temp.read(), 'none', 'a deleted secret is not read');
update stepbase.app_quotas q set max_secrets = 1 where q.app_code = 'tap-one';
select pg_temp.admin($$select stepbase.set_secret('one', 'v')$$);
select is(pg_temp.set_secret('admin', 'two', 'v'), 'SB429', 'max_secrets limits the secrets of an application');
select is(pg_temp.set_secret('admin', 'one', 'w'), 'ok 1', 'a new version counts as none');
select * from finish();
rollback;
