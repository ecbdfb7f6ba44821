-- API keys: admins create and revoke them, lists do not contain their hash, and a revoked key is invalid at once.

begin;
set local search_path = public, extensions;
select plan(30);
select tests.create_rows();

select is(tests.attempt('admin', 'select name, prefix, scopes from stepbase.api_keys'), 'ok 1', 'an admin can list keys');
select is(tests.attempt('developer', 'select name from stepbase.api_keys'), 'ok 1', 'a developer can list keys');
select is(tests.attempt('viewer', 'select name from stepbase.api_keys'), 'ok 0', 'a viewer sees no keys');
select is(tests.attempt('sister', 'select name from stepbase.api_keys'), 'ok 0', 'an application of the same organization sees no keys');
select is(tests.attempt('foreigner', 'select name from stepbase.api_keys'), 'ok 0', 'an application of another organization sees no keys');
select is(tests.attempt('anon', 'select name from stepbase.api_keys'), '42501', 'an anonymous caller cannot list keys');
select is(tests.attempt('admin', 'select key_hash from stepbase.api_keys'), '42501', 'an admin cannot read the hash');
select is(tests.attempt('admin', 'select * from stepbase.api_keys'), '42501', 'an admin cannot select all columns');
select is(
  tests.attempt('admin', $$insert into stepbase.api_keys (app_code, name, prefix, key_hash, scopes)
    values ('tap-one', 'x', 'x', repeat('b', 64), '{}')$$),
  '42501', 'an admin cannot insert a key'
);
select is(tests.attempt('admin', 'delete from stepbase.api_keys'), '42501', 'an admin cannot delete a key');
select is(tests.attempt('admin', $$update stepbase.api_keys set name = 'y'$$), 'ok 1', 'an admin can rename a key');
select is(tests.attempt('developer', $$update stepbase.api_keys set name = 'y'$$), 'ok 0', 'a developer cannot rename a key');
select is(tests.attempt('viewer', $$update stepbase.api_keys set name = 'y'$$), 'ok 0', 'a viewer cannot rename a key');
select is(
  tests.attempt('admin', 'update stepbase.api_keys set revoked_at = null'), '42501', 'an admin cannot restore a revoked key'
);

select is(tests.attempt('developer', $$select stepbase.create_api_key('k')$$), 'SB403', 'a developer cannot create a key');
select is(tests.attempt('viewer', $$select stepbase.create_api_key('k')$$), 'SB403', 'a viewer cannot create a key');
select is(tests.attempt('anon', $$select stepbase.create_api_key('k')$$), '42501', 'an anonymous caller cannot create a key');
select is(tests.attempt('admin', $$select stepbase.create_api_key(' ')$$), 'SB400', 'a key must have a name');
select is(
  tests.attempt('admin', $$select stepbase.create_api_key('k', array['root:all'])$$), 'SB400',
  'a key cannot have more permissions than its creator'
);
select is(
  tests.attempt('admin', $$select stepbase.create_api_key('k', null, now() - interval '1 day')$$), 'SB400',
  'a key cannot be created expired'
);

create temporary table made as
select tests.perform_as('admin', $$select stepbase.create_api_key('ci', array['run:read', 'workflow:read'])$$)::jsonb as key;
select matches((select key ->> 'key' from made), '^sbk_[A-Za-z0-9_-]{43}$', 'create_api_key returns the key');
select is(
  (
    select k.key_hash from stepbase.api_keys k join made m on k.id = (m.key ->> 'id')::uuid
  ),
  (select encode(sha256(convert_to(key ->> 'key', 'UTF8')), 'hex') from made), 'the key is stored as a hash'
);
select results_eq(
  $$select v.app_code, v.scopes from made m, stepbase_private.verify_api_key(encode(sha256(convert_to(m.key ->> 'key', 'UTF8')), 'hex')) v$$,
  $$values ('tap-one', array['run:read', 'workflow:read'])$$, 'verify_api_key finds the key by its hash'
);
select isnt(
  (select k.last_used_at from stepbase.api_keys k join made m on k.id = (m.key ->> 'id')::uuid), null,
  'the last use of the key is recorded'
);
select is_empty($$select 1 from stepbase_private.verify_api_key(repeat('0', 64))$$, 'verify_api_key finds no unknown key');

-- Acting with the key: role authenticated, claim api_key_id, no sub.
create function pg_temp.with_key(statement text)
returns text
language plpgsql
as $$
declare
  answer text;
begin
  perform set_config(
    'request.jwt.claims', (select jsonb_build_object('role', 'authenticated', 'api_key_id', m.key -> 'id')::text from made m), true
  );
  set local role authenticated;
  execute statement into answer;
  reset role;
  return answer;
end
$$;
select is(pg_temp.with_key('select stepbase_private.app_code()'), 'tap-one', 'the key belongs to its application');
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '1', 'the key can read within its scopes');
select is(pg_temp.with_key('select count(*) from stepbase.projects'), '0', 'the key cannot read beyond its scopes');

select tests.perform_as('admin', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made)));
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '0', 'a revoked key cannot read any more');
select is(
  tests.attempt('sister', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made))), 'SB404',
  'another application cannot revoke the key'
);

select * from finish();
rollback;
