-- API keys: admins create, rotate and revoke them, lists do not contain their hash, and a revoked key is invalid at
-- once.
begin;
set local search_path = public, extensions;
select plan(72);
select tests.create_rows();

select is(tests.attempt('admin', 'select name, prefix, scopes from stepbase.api_keys'), 'ok 1', 'an admin can list keys');
select is(tests.attempt('developer', 'select name from stepbase.api_keys'), 'ok 1', 'a developer can list keys');
select is(tests.attempt('viewer', 'select name from stepbase.api_keys'), 'ok 0', 'a viewer sees no keys');
select is(tests.attempt('sister', 'select name from stepbase.api_keys'), 'ok 0', 'an application of the same organization sees no keys');
select is(tests.attempt('foreigner', 'select name from stepbase.api_keys'), 'ok 0', 'an application of another organization sees no keys');
select is(tests.attempt('anon', 'select name from stepbase.api_keys'), '42501', 'an anonymous caller cannot list keys');
select is(tests.attempt('admin', 'select * from stepbase.api_keys'), 'ok 1', 'an admin can select all columns');
select is(
  tests.attempt(w.who, 'select key_hash from stepbase_private.api_key_hashes'), '42501', w.who || ' cannot read a hash'
)
from (values ('admin'), ('service')) w (who);
select is(
  tests.attempt('admin', $$insert into stepbase.api_keys (app_code, name, prefix, scopes)
    values ('tap-one', 'x', 'x', '{}')$$),
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
  tests.attempt('admin', $$select stepbase.create_api_key('k', null, (now() - interval '1 day')::text)$$), 'SB400',
  'a key cannot be created expired'
);

create temporary table made as
select tests.perform_as('admin', $$select stepbase.create_api_key('ci', array['run:read', 'workflow:read'])$$)::jsonb as key;
select matches((select key ->> 'key' from made), '^sbk_[A-Za-z0-9_-]{43}$', 'create_api_key returns the key');
select is(
  (
    select h.key_hash from stepbase_private.api_key_hashes h join made m on h.api_key_id = (m.key ->> 'id')::uuid
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

-- Rotation. Each case undoes its changes.
create function pg_temp.hash_of(p_key jsonb)
returns text
language sql
as $$ select encode(sha256(convert_to(p_key ->> 'key', 'UTF8')), 'hex') $$;
create function pg_temp.rotate(p_who text, p_overlap text default 'default')
returns jsonb
language sql
as $$
  select tests.perform_as(
    p_who,
    format('select stepbase.rotate_api_key(%L%s)', m.key ->> 'id', case when p_overlap <> 'default' then ', ' || p_overlap else '' end)
  )::jsonb
  from made m;
$$;
-- How many keys are valid at first, after the overlap, and of which; "old new" means both.
create function pg_temp.valid(p_new jsonb)
returns text
language sql
as $$
  select string_agg(k.name, ' ' order by k.place)
  from (
    select 1 as place, 'old' as name, m.key from made m union all select 2, 'new', p_new
  ) k
  where exists (select 1 from stepbase_private.verify_api_key(pg_temp.hash_of(k.key)));
$$;
create function pg_temp.rotated(p_overlap text, p_after text default 'select 1')
returns text
language plpgsql
as $$
declare
  v_new jsonb;
  v_valid text;
begin
  v_new := pg_temp.rotate('admin', p_overlap);
  execute replace(p_after, '{key}', quote_literal(v_new ->> 'id'));
  v_valid := pg_temp.valid(v_new);
  raise exception using errcode = 'TAP00', message = coalesce(v_valid, 'none');
exception
  when sqlstate 'TAP00' then
    return sqlerrm;
  when others then
    return sqlstate;
end;
$$;
select is(pg_temp.rotated('default'), 'old new', 'a rotated key stays valid beside the new one');
select is(pg_temp.rotated('1'), 'old new', 'for the overlap that the caller wants');
select is(pg_temp.rotated('0'), 'new', 'or not at all');
select is(
  pg_temp.rotated('default', $$update stepbase.api_keys set rotated_at = now() - interval '2 days', overlap_ends_at = now() where id = {key}$$),
  'new', 'it is invalid when the overlap ends'
);
select is(
  pg_temp.rotated('default', 'update stepbase.api_keys set revoked_at = now() where id = {key}'),
  'none', 'revoking ends both'
);
select is(pg_temp.rotated('-1'), 'SB400', 'the overlap is not negative');
select is(pg_temp.rotated('604801'), 'SB400', 'the overlap is at most a week');
select is(
  pg_temp.rotated('604800', $$select tests.perform_as('admin', 'select stepbase.rotate_api_key(' || quote_literal({key}) || ')')$$),
  'SB409', 'a third valid key is refused'
);
select is(
  pg_temp.rotated('604800', $$select tests.perform_as('admin', 'select stepbase.rotate_api_key(' || quote_literal({key}) || ', 0)')$$),
  'none', 'a rotation without overlap ends both earlier keys'
);
select throws_ok(
  $$insert into stepbase_private.api_key_hashes (api_key_id, app_code, is_current, key_hash)
    select (m.key ->> 'id')::uuid, 'tap-one', x.current, encode(sha256(x.current::text::bytea), 'hex')
    from made m, (values (false), (true)) x (current)$$, '23505', null, 'the table has two hashes of a key at most'
);
create function pg_temp.try_rotation(p_who text)
returns text
language sql
as $$ select tests.attempt(p_who, format('select stepbase.rotate_api_key(%L)', m.key ->> 'id')) from made m $$;
select is(pg_temp.try_rotation(w.who), w.answer, w.who || ' cannot rotate the key')
from (values ('developer', 'SB403'), ('sister', 'SB404'), ('foreigner', 'SB404'), ('anon', '42501')) w (who, answer);
update stepbase.app_roles set permissions = array_remove(permissions, 'workflow:read') where app_code = 'tap-one' and name = 'admin';
select is(pg_temp.try_rotation('admin'), 'SB403', 'nor can a caller who lacks one of its scopes');
update stepbase.app_roles set permissions = permissions || '{workflow:read}' where app_code = 'tap-one' and name = 'admin';
select is(pg_temp.rotate('admin') ->> 'id', (select m.key ->> 'id' from made m), 'a rotated key keeps its id');
select is(
  (
    select l.actor_id from stepbase.audit_log l
    where l.table_name = 'api_keys' and l.row_id = (select m.key ->> 'id' from made m) and 'rotated_at' = any (l.changed_columns)
  ),
  (select p.user_id from tests.person('admin') p), 'the audit log has who rotated the key'
);
update made set key = pg_temp.rotate('admin', '0');

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

-- A key has the scopes that its owner still has. The owner: the developer, who was an admin when the key was created.
create temporary table owned (key jsonb, hash text);
update stepbase.app_members set role = 'admin' where user_id = (select p.user_id from tests.person('developer') p);
insert into owned (key)
select tests.perform_as(
  'developer', $$select stepbase.create_api_key('machine', array['run:read', 'workflow:write', 'key:manage'])$$
)::jsonb;
update owned set hash = encode(sha256(convert_to(key ->> 'key', 'UTF8')), 'hex');
create function pg_temp.owned_scopes()
returns text
language sql
as $$ select array_to_string(v.scopes, ' ') from owned o, stepbase_private.verify_api_key(o.hash) v $$;
create function pg_temp.permissions_with_owned()
returns text
language plpgsql
as $$
declare
  v_answer text;
begin
  perform set_config(
    'request.jwt.claims', (select jsonb_build_object('role', 'authenticated', 'api_key_id', o.key -> 'id')::text from owned o),
    true
  );
  set local role authenticated;
  select concat_ws(' ', c.app_code, array_to_string(c.permissions, ' ')) into v_answer from stepbase_private.caller() c;
  reset role;
  return v_answer;
end
$$;
-- What the key may do after a change; the change is undone.
create function pg_temp.after(p_change text)
returns text
language plpgsql
as $$
declare
  v_verified text;
  v_acting text;
begin
  begin
    execute replace(p_change, '{owner}', (select quote_literal(p.user_id) from tests.person('developer') p));
    v_verified := coalesce(pg_temp.owned_scopes(), 'none');
    v_acting := coalesce(nullif(pg_temp.permissions_with_owned(), ''), 'none');
    raise exception using errcode = 'TAP00';
  exception when sqlstate 'TAP00' then
    return v_verified || ' / ' || v_acting;
  end;
end;
$$;

select is(
  pg_temp.after('select 1'),
  'run:read workflow:write key:manage / tap-one run:read workflow:write key:manage', 'a key has its scopes while its owner has them'
);
select is(pg_temp.after(c.change), c.answer, c.name)
from (
  values
    ('owner demoted to developer', 'run:read workflow:write / tap-one run:read workflow:write',
      $$update stepbase.app_members set role = 'developer' where user_id = {owner}$$),
    ('owner demoted to viewer', 'run:read / tap-one run:read',
      $$update stepbase.app_members set role = 'viewer' where user_id = {owner}$$),
    ('a permission taken from the role', 'run:read key:manage / tap-one run:read key:manage',
      $$update stepbase.app_roles set permissions = array_remove(permissions, 'workflow:write') where name = 'admin'$$),
    ('owner removed from the application', 'none / none', 'delete from stepbase.app_members where user_id = {owner}'),
    ('owner moved to another application', 'none / none',
      $$with gone as (delete from stepbase.app_members where user_id = {owner})
        insert into stepbase.app_members (app_code, user_id, role) values ('tap-two', {owner}, 'admin')$$),
    ('owner removed and added again without consent', 'none / none',
      'update stepbase.app_members set accepted_at = null where user_id = {owner}'),
    ('owner deactivated', 'none / none', 'update stepbase.users set is_active = false where id = {owner}'),
    ('owner soft-deleted', 'none / none', 'update stepbase.users set deleted_at = now() where id = {owner}'),
    ('owner deleted', 'none / none', 'delete from auth.users where id = {owner}'),
    ('application deleted', 'none / none', $$update stepbase.applications set deleted_at = now() where app_code = 'tap-one'$$),
    ('organization deleted', 'none / none', $$update stepbase.organizations set deleted_at = now() where slug = 'tap-org'$$)
) c (name, answer, change);
select is(
  pg_temp.after($$alter table stepbase.api_keys disable trigger api_keys_keep_identity;
    update stepbase.api_keys
    set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'
    where owner_id = {owner}$$), 'none / none', 'the key expired'
);

-- Adoption.
create function pg_temp.adopt(p_who text)
returns text
language sql
as $$
  select tests.attempt(p_who, format('select stepbase.adopt_api_key(%L)', (select o.key ->> 'id' from owned o)));
$$;
delete from auth.users where id = (select p.user_id from tests.person('developer') p);
select is(pg_temp.owned_scopes(), null, 'an orphaned key gives no access');
select is(tests.attempt('admin', $$select owner_id from stepbase.api_keys where name = 'machine' and owner_id is null$$), 'ok 1', 'admins see that it has no owner');
select is(pg_temp.adopt('viewer'), 'SB403', 'a viewer does not adopt it');
select is(pg_temp.adopt('sister'), 'SB404', 'another application does not adopt it');
select is(pg_temp.adopt('foreigner'), 'SB404', 'nor does another organization');
select is(tests.attempt('admin', 'update stepbase.api_keys set owner_id = null'), '42501', 'no client writes the owner');
select is(
  tests.perform_as('admin', format('select stepbase.adopt_api_key(%L)', (select o.key ->> 'id' from owned o))),
  '{run:read,workflow:write,key:manage}', 'another admin adopts it'
);
select is(pg_temp.owned_scopes(), 'run:read workflow:write key:manage', 'and it works again');
select is(
  (
    select l.actor_id from stepbase.audit_log l
    where l.table_name = 'api_keys' and l.row_id = (select o.key ->> 'id' from owned o) and 'owner_id' = any (l.changed_columns)
      and l.actor_id is not null
  ),
  (select p.user_id from tests.person('admin') p), 'the audit log has who adopted it'
);
create function pg_temp.create_with_owned()
returns jsonb
language plpgsql
as $$
declare
  v_made jsonb;
begin
  perform set_config(
    'request.jwt.claims', (select jsonb_build_object('role', 'authenticated', 'api_key_id', o.key -> 'id')::text from owned o),
    true
  );
  set local role authenticated;
  v_made := stepbase.create_api_key('child', array['run:read']);
  reset role;
  return v_made;
end
$$;
create temporary table child as select (pg_temp.create_with_owned() ->> 'id')::uuid as id;
select is(
  (
    select k.owner_id from stepbase.api_keys k
    where k.id = (select c.id from child c)
  ),
  (select p.user_id from tests.person('admin') p), 'a key made with a key belongs to the same owner'
);
select tests.perform_as('admin', format('select stepbase.revoke_api_key(%L)', (select o.key ->> 'id' from owned o)));
select is(pg_temp.adopt('admin'), 'SB409', 'a revoked key is not adopted');

select tests.perform_as('admin', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made)));
select is(pg_temp.with_key('select count(*) from stepbase.workflows'), '0', 'a revoked key cannot read any more');
select is(
  tests.attempt('sister', format('select stepbase.revoke_api_key(%L)', (select key ->> 'id' from made))), 'SB404',
  'another application cannot revoke the key'
);

select * from finish();
rollback;
