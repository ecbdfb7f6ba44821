-- Service accounts: admins create them, their API keys outlive the people who made them, and no one grants a permission
-- that they lack.

begin;
set local search_path = public, extensions;
select plan(32);
select tests.create_rows();

create function pg_temp.admin(p_statement text)
returns jsonb
language sql
as $$ select tests.perform_as('admin', p_statement)::jsonb $$;

create function pg_temp.permissions_of(p_role text)
returns text
language sql
as $$
  select string_agg(p.name, ' ' order by p.name)
  from stepbase.app_roles r
  cross join unnest(r.permissions) p (name)
  where r.app_code = 'tap-one' and r.name = p_role
$$;

-- Who creates and changes them.
select is(tests.attempt('admin', $$select stepbase.create_service_account('ci', 'developer')$$), 'ok 1', 'an admin creates one');
select is(
  tests.attempt(w.who, $$select stepbase.create_service_account('ci', 'viewer')$$), w.answer, w.who || ' does not create one'
)
from (values ('developer', 'SB403'), ('viewer', 'SB403'), ('stranger', 'SB403'), ('anon', '42501')) w (who, answer);
select is(tests.attempt('admin', $$select stepbase.create_service_account(' ', 'viewer')$$), 'SB400', 'the name is not blank');
select is(tests.attempt('admin', $$select stepbase.create_service_account('ci', 'king')$$), 'SB400', 'the role exists');
select is(tests.attempt('admin', $$select stepbase.create_service_account('ci', null)$$), 'SB400', 'the role is not null');
select is(tests.attempt('admin', $$select stepbase.create_service_account('machine', 'viewer')$$), 'SB409', 'the name is unique');
update stepbase.app_roles set permissions = array_remove(permissions, 'audit:read') where app_code = 'tap-one' and name = 'admin';
select is(
  tests.attempt('admin', $$select stepbase.create_service_account('ci', 'auditor')$$), 'SB403',
  'the role has no permission that the caller lacks'
);
select is(
  tests.attempt('admin', $$select stepbase.update_service_account('00000000-0000-4000-8000-00000000d029', 'auditor')$$), 'SB403',
  'nor has a later one'
);
update stepbase.app_roles set permissions = permissions || '{audit:read}' where app_code = 'tap-one' and name = 'admin';
select is(
  tests.attempt('admin', $$insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-one', '00000000-0000-4000-8000-00000000d029', 'viewer')$$), '42501', 'it is no user and cannot sign in'
);

-- Keys of an account.
create temporary table account as
select (pg_temp.admin($$select to_jsonb(stepbase.create_service_account('ci', 'developer', 'Deploys'))$$) ->> 'id')::uuid as id;
update stepbase.app_members set role = 'admin' where user_id = (select p.user_id from tests.person('developer') p);
create temporary table made as
select tests.perform_as(
  'developer', format('select stepbase.create_api_key(%L, service_account_id => %L)', 'of ci', a.id)
)::jsonb as key
from account a;
create function pg_temp.scopes()
returns text
language sql
as $$
  select coalesce(array_to_string(l.scopes, ' '), 'none') from made m
  cross join lateral stepbase_private.live_api_key((m.key ->> 'id')::uuid) l
$$;
select is(
  pg_temp.scopes(),
  pg_temp.permissions_of('developer'),
  'by default a key has the permissions of the role of its account'
);
select results_eq(
  $$select k.owner_id, k.service_account_id, k.created_by from stepbase.api_keys k join made m on k.id = (m.key ->> 'id')::uuid$$,
  $$select null::uuid, a.id, p.user_id from account a, tests.person('developer') p$$, 'the account owns the key'
);
select is(
  tests.attempt('admin', format('select stepbase.create_api_key(%L, %L, null, %L)', 'x', '{run:read}', a.id)), 'ok 1',
  'a key may have fewer scopes'
)
from account a;
select is(
  tests.attempt('sister', format('select stepbase.create_api_key(%L, service_account_id => %L)', 'x', a.id)), 'SB404',
  'another application makes no key for it'
)
from account a;
delete from auth.users where id = (select p.user_id from tests.person('developer') p);
select isnt(pg_temp.scopes(), 'none', 'the key survives the person who created it');

-- Changes apply to the keys at once. Each case undoes its change.
create function pg_temp.after(p_change text)
returns text
language plpgsql
as $$
declare
  v_scopes text;
begin
  execute replace(p_change, '{account}', (select quote_literal(a.id) from account a));
  v_scopes := pg_temp.scopes();
  raise exception using errcode = 'TAP00', message = v_scopes;
exception
  when sqlstate 'TAP00' then
    return sqlerrm;
end;
$$;
select is(pg_temp.after(c.change), c.answer, c.name)
from (
  values
    ('a deactivated account', 'none',
      $$select pg_temp.admin('select to_jsonb(stepbase.update_service_account(' || quote_literal({account}) || ', is_active => false))')$$),
    ('an account of a deleted application', 'none', $$update stepbase.applications set deleted_at = now() where app_code = 'tap-one'$$),
    ('a revoked key', 'none', 'update stepbase.api_keys set revoked_at = now() where service_account_id = {account}')
) c (name, answer, change);
select is(
  pg_temp.after(
    $$select pg_temp.admin('select to_jsonb(stepbase.update_service_account(' || quote_literal({account}) || ', ''viewer''))')$$
  ),
  pg_temp.permissions_of('viewer'),
  'an account with a lesser role'
);

-- With the key.
create function pg_temp.with_key(p_statement text)
returns text
language plpgsql
as $$
declare
  v_answer text;
begin
  perform set_config(
    'request.jwt.claims', (select jsonb_build_object('role', 'authenticated', 'api_key_id', m.key -> 'id')::text from made m), true
  );
  set local role authenticated;
  execute p_statement into v_answer;
  perform tests.leave();
  return v_answer;
exception when others then
  return sqlstate;
end;
$$;
select is(pg_temp.with_key('select stepbase_private.app_code()'), 'tap-one', 'it acts for the application');
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '1', 'and reads what its role may read');
select is(pg_temp.with_key($$select stepbase.create_api_key('x')$$), 'SB403', 'and does what its role may do');
select pg_temp.admin(format('select to_jsonb(stepbase.update_service_account(%L, %L))', a.id, 'admin')) from account a;
delete from made;
insert into made
select pg_temp.admin(format('select stepbase.create_api_key(%L, service_account_id => %L)', 'of an admin', a.id)) from account a;
select pg_temp.with_key($$select stepbase.create_api_key('child', '{run:read}')$$);
select is(
  (
    select k.service_account_id from stepbase.api_keys k where k.name = 'child'
  ), (select a.id from account a), 'a key made with a key has the same account'
);

-- Adoption.
insert into stepbase.api_keys (id, app_code, name, prefix, scopes)
values ('00000000-0000-4000-8000-00000000b001', 'tap-one', 'orphan', 'sbk_orphan', '{run:read,run:cancel}');
select is(
  pg_temp.admin(format('select to_jsonb(stepbase.adopt_api_key(%L, %L))', '00000000-0000-4000-8000-00000000b001', a.id)),
  '["run:read", "run:cancel"]', 'an account adopts a key without an owner'
)
from account a;
select is(
  pg_temp.with_key(format('select stepbase.adopt_api_key(%L, %L)', '00000000-0000-4000-8000-00000000b001', a.id)),
  '{run:read,run:cancel}', 'with an API key, too'
)
from account a;
select is(
  pg_temp.with_key($$select stepbase.adopt_api_key('00000000-0000-4000-8000-00000000b001')$$), 'SB403',
  'which cannot adopt it for itself'
);
select is(
  tests.attempt('sister', format('select stepbase.adopt_api_key(%L, %L)', '00000000-0000-4000-8000-00000000b001', a.id)), 'SB404',
  'nor can another application'
)
from account a;
select is(
  tests.attempt('owner', format(
    'update stepbase.api_keys set owner_id = %L where service_account_id = %L', (select p.user_id from tests.person('admin') p), a.id
  )), '23514', 'a key has one owner'
)
from account a;
select is(
  tests.attempt('owner', format(
    $$insert into stepbase.api_keys (app_code, name, prefix, scopes, service_account_id) values ('tap-two', 'x', 'x', '{}', %L)$$, a.id
  )), '23503', 'the account of a key is of the same application'
)
from account a;
select is(
  (
    select count(*)::int from stepbase.audit_log l
    where l.table_name = 'service_accounts' and l.row_id = (select a.id::text from account a) and l.actor_id is not null
  ), 2, 'the audit log has who created and changed the account'
);

select * from finish();
rollback;
