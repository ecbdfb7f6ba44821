-- API keys: made and revoked by admins, listed without their hash, and dead the moment they are revoked.

begin;
set local search_path = public, extensions;
select plan(30);
select tests.create_rows();

select is(tests.attempt('admin', 'select name, prefix, scopes from stepbase.api_keys'), 'ok 1', 'admin lists keys');
select is(tests.attempt('developer', 'select name from stepbase.api_keys'), 'ok 1', 'developer lists keys');
select is(tests.attempt('viewer', 'select name from stepbase.api_keys'), 'ok 0', 'viewer sees none');
select is(tests.attempt('sister', 'select name from stepbase.api_keys'), 'ok 0', 'sister sees none');
select is(tests.attempt('foreigner', 'select name from stepbase.api_keys'), 'ok 0', 'foreigner sees none');
select is(tests.attempt('anon', 'select name from stepbase.api_keys'), '42501', 'anon is refused');
select is(tests.attempt('admin', 'select key_hash from stepbase.api_keys'), '42501', 'the hash is readable for nobody');
select is(tests.attempt('admin', 'select * from stepbase.api_keys'), '42501', 'not by a star either');
select is(
  tests.attempt('admin', $$insert into stepbase.api_keys (app_code, name, prefix, key_hash, scopes)
    values ('tap-one', 'x', 'x', repeat('b', 64), '{}')$$),
  '42501', 'nobody inserts keys'
);
select is(tests.attempt('admin', 'delete from stepbase.api_keys'), '42501', 'nobody deletes keys');
select is(tests.attempt('admin', $$update stepbase.api_keys set name = 'y'$$), 'ok 1', 'admin renames a key');
select is(tests.attempt('developer', $$update stepbase.api_keys set name = 'y'$$), 'ok 0', 'developer does not');
select is(tests.attempt('viewer', $$update stepbase.api_keys set name = 'y'$$), 'ok 0', 'viewer does not');
select is(
  tests.attempt('admin', 'update stepbase.api_keys set revoked_at = null'), '42501', 'nobody brings a key back to life'
);

select is(tests.attempt('developer', $$select stepbase.create_api_key('k')$$), 'SB403', 'developer makes none');
select is(tests.attempt('viewer', $$select stepbase.create_api_key('k')$$), 'SB403', 'viewer makes none');
select is(tests.attempt('anon', $$select stepbase.create_api_key('k')$$), '42501', 'anon makes none');
select is(tests.attempt('admin', $$select stepbase.create_api_key(' ')$$), 'SB400', 'a key needs a name');
select is(
  tests.attempt('admin', $$select stepbase.create_api_key('k', array['root:all'])$$), 'SB400',
  'a key cannot do more than its maker'
);
select is(
  tests.attempt('admin', $$select stepbase.create_api_key('k', null, now() - interval '1 day')$$), 'SB400',
  'a key cannot be born expired'
);

create temporary table made as
select tests.perform_as('admin', $$select stepbase.create_api_key('ci', array['run:read', 'workflow:read'])$$)::jsonb as key;
select matches((select key ->> 'key' from made), '^sbk_[A-Za-z0-9_-]{43}$', 'the key is shown once');
select is(
  (
    select k.key_hash from stepbase.api_keys k join made m on k.id = (m.key ->> 'id')::uuid
  ),
  (select encode(sha256(convert_to(key ->> 'key', 'UTF8')), 'hex') from made), 'and kept as a hash'
);
select results_eq(
  $$select v.app_code, v.scopes from made m, stepbase_private.verify_api_key(encode(sha256(convert_to(m.key ->> 'key', 'UTF8')), 'hex')) v$$,
  $$values ('tap-one', array['run:read', 'workflow:read'])$$, 'the key is known by its hash'
);
select isnt(
  (select k.last_used_at from stepbase.api_keys k join made m on k.id = (m.key ->> 'id')::uuid), null,
  'its use is noted'
);
select is_empty($$select 1 from stepbase_private.verify_api_key(repeat('0', 64))$$, 'an unknown key is nobody''s');

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
select is(pg_temp.with_key('select stepbase_private.app_code()'), 'tap-one', 'the key acts for its application');
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '1', 'within its scopes');
select is(pg_temp.with_key('select count(*) from stepbase.projects'), '0', 'and not beyond');

select tests.perform_as('admin', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made)));
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '0', 'a revoked key sees nothing at once');
select is(
  tests.attempt('sister', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made))), 'SB404',
  'nobody revokes another application''s key'
);

select * from finish();
rollback;
