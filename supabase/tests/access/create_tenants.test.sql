-- create_organization and create_application: who may create, within which limits, and who is a member afterwards.

begin;
set local search_path = public, extensions;
select plan(30);
select tests.create_people();

create function pg_temp.id_of(p_slug text)
returns uuid
language sql
as $$ select o.id from stepbase.organizations o where o.slug = p_slug $$;

-- Runs a statement with claims of a user that tests.become() does not know.
create function pg_temp.with_claims(p_claims jsonb, p_statement text)
returns text
language plpgsql
as $$
begin
  perform set_config('request.jwt.claims', (p_claims || '{"role": "authenticated"}')::text, true);
  begin
    set local role authenticated;
    execute p_statement;
    raise exception using errcode = 'TAP00', message = 'ok';
  exception
    when sqlstate 'TAP00' then
      return 'ok';
    when others then
      return sqlstate || ' ' || sqlerrm;
  end;
end;
$$;

-- From nothing to an application.
select is(
  tests.perform_as('stranger', $$select (stepbase.create_organization('fresh', ' Fresh Ltd ')).name$$), 'Fresh Ltd',
  'a signed-in user creates an organization'
);
select is(tests.attempt('stranger', 'select 1 from stepbase.organizations'), 'ok 1', 'its creator reads it before it has an application');
select is(tests.attempt('admin', $$select 1 from stepbase.organizations where slug = 'fresh'$$), 'ok 0', 'no one else does');
select is(
  tests.attempt('admin', format($$select stepbase.create_application('taken-over', 'X', %L)$$, pg_temp.id_of('fresh'))), 'SB404',
  'no one else adds an application to it'
);
select is(
  tests.perform_as('stranger', format(
    $$select (stepbase.create_application('fresh-app', 'Fresh', %L)).app_code$$, pg_temp.id_of('fresh')
  )),
  'fresh-app', 'its creator adds the first application'
);
select results_eq(
  $$select m.role, m.accepted_at is not null, m.invited_by from stepbase.app_members m where m.app_code = 'fresh-app'$$,
  $$values ('admin', true, null::uuid)$$, 'the creator is its admin at once'
);
select results_eq(
  $$select r.name, r.is_built_in from stepbase.app_roles r where r.app_code = 'fresh-app' order by r.ordinal$$,
  $$values ('admin', true), ('developer', true), ('viewer', true)$$, 'it has the built-in roles'
);
select is(
  stepbase_private.custom_access_token_hook(
    '{"user_id": "00000000-0000-4000-8000-00000000f006", "claims": {}}'
  ) #>> '{claims,app_code}', 'fresh-app', 'the next token of the creator is for it'
);
select is(
  (select a.actor_id from stepbase.audit_log a where a.app_code = 'fresh-app' and a.table_name = 'applications'),
  '00000000-0000-4000-8000-00000000f006', 'the audit log has the creation'
);

-- Arguments.
select is(tests.attempt('stranger', s.statement), s.answer, s.what)
from (
  values
    ('a slug must be kebab-case', 'SB400', $$select stepbase.create_organization('No Kebab', 'X')$$),
    ('a slug has at most 63 characters', 'SB400', $$select stepbase.create_organization(repeat('a', 64), 'X')$$),
    ('a name must not be blank', 'SB400', $$select stepbase.create_organization('other', ' ')$$),
    ('a slug is unique', 'SB409', $$select stepbase.create_organization('tap-org', 'X')$$),
    ('an app_code must be kebab-case', 'SB400',
      format($$select stepbase.create_application('9x', 'X', %L)$$, pg_temp.id_of('fresh'))),
    ('an app_code is unique', 'SB409',
      format($$select stepbase.create_application('tap-one', 'X', %L)$$, pg_temp.id_of('fresh'))),
    ('an organization must exist', 'SB404', $$select stepbase.create_application('x', 'X', gen_random_uuid())$$)
) s (what, answer, statement);

-- Who may add an application to an organization that has one.
select is(
  tests.attempt(p.who, $$select stepbase.create_application('tap-new', 'X', '00000000-0000-4000-8000-00000000e001')$$), p.answer,
  format('%s adding an application to the organization of tap-one: %s', p.who, p.answer)
)
from (values ('admin', 'ok 1'), ('sister', 'ok 1'), ('developer', 'SB403'), ('viewer', 'SB403'), ('foreigner', 'SB404')) p (who, answer);
insert into stepbase.app_members (app_code, user_id, role)
values ('fresh-app', '00000000-0000-4000-8000-00000000f007', 'admin');
delete from stepbase.app_members where app_code = 'fresh-app' and user_id = '00000000-0000-4000-8000-00000000f006';
select is(
  tests.attempt('stranger', format($$select stepbase.create_application('back', 'X', %L)$$, pg_temp.id_of('fresh'))), 'SB404',
  'a creator who was removed does not come back through a new application'
);

-- API keys and anonymous users.
insert into stepbase.api_keys (id, app_code, name, prefix, scopes, owner_id)
values (
  '00000000-0000-4000-8000-00000000c001', 'tap-one', 'k', 'x', '{member:manage}',
  '00000000-0000-4000-8000-00000000f001'
);
select is(
  pg_temp.with_claims(
    '{"api_key_id": "00000000-0000-4000-8000-00000000c001"}', $$select stepbase.create_organization('by-key', 'X')$$
  ),
  'SB403 An API key cannot do this; sign in as a user', 'an API key creates no organization'
);
select is(
  pg_temp.with_claims(
    '{"api_key_id": "00000000-0000-4000-8000-00000000c001"}',
    $$select stepbase.create_application('by-key', 'X', '00000000-0000-4000-8000-00000000e001')$$
  ),
  'SB403 An API key cannot do this; sign in as a user', 'an API key creates no application'
);
select is(
  pg_temp.with_claims(
    '{"sub": "00000000-0000-4000-8000-00000000f006", "is_anonymous": true}', $$select stepbase.create_organization('anon', 'X')$$
  ),
  'SB403 An anonymous user cannot create an organization; add an e-mail address to the account first',
  'an anonymous user creates no organization'
);

-- Limits.
update stepbase_private.installation_settings set max_organizations_per_user = 1;
select is(
  tests.detail_of('stranger', $$select stepbase.create_organization('second', 'X')$$),
  '{"code": "limit_reached", "quota": "max_organizations_per_user", "limit": 1}', 'a user creates no more organizations than the limit'
);
select tests.leave();
update stepbase_private.installation_settings set max_applications_per_user = 0;
select is(
  tests.detail_of('admin', $$select stepbase.create_application('x', 'X', '00000000-0000-4000-8000-00000000e001')$$) ->> 'quota',
  'max_applications_per_user', 'a user creates no more applications than the limit'
);
select tests.leave();
update stepbase_private.installation_settings set max_applications_per_user = 9, max_applications_per_organization = 2;
select is(
  tests.detail_of('admin', $$select stepbase.create_application('x', 'X', '00000000-0000-4000-8000-00000000e001')$$) ->> 'quota',
  'max_applications_per_organization', 'an organization has no more applications than the limit'
);
select tests.leave();

-- Operators only.
update stepbase_private.installation_settings set tenant_creation = 'operators', max_organizations_per_user = 9;
select is(
  tests.detail_of('stranger', $$select stepbase.create_organization('second', 'X')$$),
  '{"code": "permission_denied", "rule": "tenant_creation"}', 'the error has the rule that refuses users'
);
select tests.leave();
update stepbase_private.installation_settings set tenant_creation = 'users';
update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f006';
select is(
  tests.attempt('stranger', $$select stepbase.create_organization('second', 'X')$$), 'SB403', 'a deactivated account creates nothing'
);

select * from finish();
rollback;
