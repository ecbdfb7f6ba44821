-- Secrets that operators create in Vault: one name per application, and the hosts that may receive them.

begin;
set local search_path = public, extensions;
select plan(26);

select is(stepbase_private.secret_hosts(s.description), s.hosts::text[], coalesce(s.description, 'no description'))
from (
  values
    (null, null),
    ('', null),
    ('The key of the shop', null),
    ('["api.example"]', null),
    ('{"hosts": ["api.example"]}', '{api.example}'),
    (E'\n {"hosts": ["api.example", "*.pay.example:8443"], "owner": "ops"}', '{api.example,*.pay.example:8443}'),
    ('{"hosts": []}', '{}'),
    ('{}', '{}'),
    ('{"host": ["api.example"]}', '{}'),
    ('{"hosts": "api.example"}', '{}'),
    ('{"hosts": null}', '{}'),
    ('{"hosts": {"api.example": true}}', '{}'),
    ('{"hosts": ["api.example", 1]}', '{}'),
    ('{"hosts": ["api.example"', '{}'),
    ('{hosts: ["api.example"]}', '{}'),
    (E'{"hosts": ["\\u0000"]}', '{}')
) s (description, hosts);

select lives_ok(
  $$select
    vault.create_secret('open', 'stepbase/app/tap-one/key'),
    vault.create_secret('shut', 'stepbase/app/tap-one/shut', '{"hosts": ["api.example"]}'),
    vault.create_secret('old', 'stepbase/tap-one/old'),
    vault.create_secret('of a webhook', 'stepbase/webhook/b2c4')$$,
  'secrets are created'
);

select is(
  (
    select array_agg(s) from stepbase_private.operator_secret(a.app, a.name) s
  )::text, a.answer, a.app || ' ' || a.name
)
from (
  values
    ('tap-one', 'key', '{"(open,,)"}'),
    ('tap-one', 'shut', '{"(shut,{api.example},)"}'),
    ('tap-one', 'old', null),
    ('tap-one', 'other', null),
    ('tap', 'one/key', null),
    ('webhook', 'b2c4', null),
    ('app', 'tap-one/key', null)
) a (app, name, answer);

select isnt(
  (select s.secret from vault.secrets s where s.name = 'stepbase/app/tap-one/key'), 'open', 'Vault encrypts secrets'
);

select is(
  has_function_privilege('authenticated', 'stepbase_engine.read_secret(uuid, int, text)', 'execute'), false,
  'clients cannot read secrets'
);

select * from finish();
rollback;
