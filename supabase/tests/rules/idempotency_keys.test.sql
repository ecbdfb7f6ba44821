-- Idempotency keys: a key belongs to one application and route, means one request, expires, and hides from clients.

begin;
set local search_path = public, extensions;
select plan(22);
select tests.create_people();

create function pg_temp.statement(key text, hash text, route text)
returns text
language sql
as $$
  select format(
    'select coalesce(stepbase_private.claim_idempotency_key(%L, %L, encode(sha256(%L), ''hex'')) ->> ''status'', ''new'')',
    route, key, hash
  )
$$;

create function pg_temp.claim(who text, key text, hash text, route text default 'createProject')
returns text
language sql
as $$ select tests.perform_as(who, pg_temp.statement(key, hash, route)) $$;

create function pg_temp.refusal(who text, key text, hash text)
returns text
language sql
as $$ select tests.attempt(who, pg_temp.statement(key, hash, 'createProject')) $$;

select is(pg_temp.claim('admin', 'k', 'one'), 'new', 'a new key is claimed');
select tests.perform_as(
  'admin', $$select stepbase_private.store_idempotent_answer('createProject', 'k', '{"status": 201}')$$
);
select is(pg_temp.claim('admin', 'k', 'one'), '201', 'a repeated request gets the stored answer');
select is(pg_temp.claim('developer', 'k', 'one'), '201', 'the answer belongs to the application, not to one member');
select is(pg_temp.refusal('admin', 'k', 'two'), 'SB409', 'the same key for another request is a conflict');
select is(pg_temp.claim('admin', 'k', 'two', 'createPrompt'), 'new', 'the same key on another route is new');
select is(pg_temp.claim('sister', 'k', 'two'), 'new', 'the same key in another application is new');
select tests.perform_as(
  'admin', $$select stepbase_private.store_idempotent_answer('createProject', 'k', '{"status": 500}')$$
);
select is(
  (select array_agg(k.answer ->> 'status' order by k.route, k.app_code)
   from stepbase_private.idempotency_keys k where k.key = 'k'),
  array['201', null, null], 'the first answer stays, and the other keys have none'
);
select is(pg_temp.refusal('stranger', 'k', 'one'), 'SB403', 'a caller without an application has no keys');
select is(
  tests.attempt('admin', 'select 1 from stepbase_private.idempotency_keys'), '42501', 'clients cannot read the keys'
);
select is(
  tests.attempt('anon', $$select stepbase_private.claim_idempotency_key('a', 'b', repeat('0', 64))$$), '42501',
  'an anonymous caller cannot claim a key'
);
select is(pg_temp.refusal('admin', repeat('x', 256), 'one'), '23514', 'a key has at most 255 characters');

-- Routes that need no application: keys of a user.
create function pg_temp.statement_of_user(hash text)
returns text
language sql
as $$
  select format(
    'select coalesce(stepbase_private.claim_idempotency_key(%L, %L, encode(sha256(%L), ''hex''), true) ->> ''status'', ''new'')',
    'createOrganization', 'of user', hash
  )
$$;
select is(
  tests.perform_as('stranger', pg_temp.statement_of_user('one')), 'new', 'a user without an application claims a key'
);
select tests.perform_as(
  'stranger',
  $$select stepbase_private.store_idempotent_answer('createOrganization', 'of user', '{"status": 201}', true)$$
);
select is(tests.perform_as('stranger', pg_temp.statement_of_user('one')), '201', 'the user gets the stored answer');
select is(tests.attempt('stranger', pg_temp.statement_of_user('two')), 'SB409', 'another request of the user is a conflict');
select is(tests.perform_as('admin', pg_temp.statement_of_user('one')), 'new', 'the key of another user is new');
select is(
  tests.perform_as('developer', pg_temp.statement_of_user('two')), 'new', 'members of one application do not share it'
);
select is(tests.attempt('service', pg_temp.statement_of_user('one')), 'SB401', 'the service role has no key of a user');
select throws_ok(
  $$insert into stepbase_private.idempotency_keys (route, key, request_hash) values ('a', 'b', repeat('0', 64))$$,
  '23514', null, 'a key belongs to an application or a user'
);

-- Expiry.
select is(stepbase_engine.prune_idempotency_keys(), 0, 'no key has expired');
update stepbase_private.idempotency_keys
set created_at = created_at - interval '25 hours', expires_at = expires_at - interval '25 hours'
where app_code = 'tap-one';
select is(pg_temp.claim('admin', 'k', 'three'), 'new', 'an expired key is new');
select is(
  (stepbase_engine.prune() ->> 'idempotency_keys')::int, 1, 'pruning deletes the other expired key and no live one'
);
select is(
  (select count(*) from stepbase_private.idempotency_keys k where k.key = 'k'), 2::bigint, 'the live keys remain'
);
select * from finish();
rollback;
