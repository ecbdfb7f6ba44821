-- Tenancy: an organization owns applications, an application owns all other rows, and users are members of
-- applications with a role. Each session of a user has one active application at a time.

create table stepbase.organizations (
  id uuid primary key default gen_random_uuid(),
  slug text not null constraint organization_slug_is_unique unique
    constraint slug_is_kebab_case check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  metadata jsonb not null default '{}' constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  created_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);

comment on table stepbase.organizations is 'A customer. Its applications share resources whose visibility is organization.';
comment on column stepbase.organizations.created_by is
  'User who created it with create_organization; null: an operator did, or the user was deleted.';
comment on column stepbase.organizations.deleted_at is 'Soft delete: members lose access to all of its applications.';

create table stepbase.applications (
  app_code text primary key constraint app_code_is_kebab_case check (app_code ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$'),
  organization_id uuid not null references stepbase.organizations (id),
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  description text not null default '',
  settings jsonb not null default '{}' constraint settings_is_an_object check (jsonb_typeof(settings) = 'object'),
  -- Fractions: an application with thousands of steps per second may not be able to store a day. The limits keep the
  -- computed times within the range of timestamptz: an error there would stop retention for all applications.
  run_retention_days double precision not null default 90
    constraint run_retention_is_between_1_second_and_100_years check (run_retention_days between 0.00001 and 36500),
  event_retention_days int not null default 90
    constraint event_retention_is_between_1_day_and_100_years check (event_retention_days between 1 and 36500),
  audit_retention_days int not null default 365
    constraint audit_retention_is_between_1_day_and_100_years check (audit_retention_days between 1 and 36500),
  max_waiting_runs int
    constraint max_waiting_runs_is_positive check (max_waiting_runs > 0),
  search_language text not null default 'english',
  created_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  is_deactivated_by_member boolean not null default false,
  purge_at timestamptz,
  constraint only_a_deactivated_application_is_purged check (purge_at is null or deleted_at is not null),
  constraint members_deactivate_what_is_active check (not is_deactivated_by_member or deleted_at is not null)
);

comment on table stepbase.applications is 'The tenant. Every tenant row belongs to one application through app_code.';
comment on column stepbase.applications.app_code is 'Immutable natural key; also the claim app_code of access tokens.';
comment on column stepbase.applications.settings is 'Settings of the application without a schema, for clients and steps.';
comment on column stepbase.applications.run_retention_days is
  'Days after which runs that have ended are deleted; fractions are allowed: 0.25 is six hours.';
comment on column stepbase.applications.event_retention_days is
  'Days for which run events are kept. They are stored by month; a month is dropped once no application needs it.';
comment on column stepbase.applications.audit_retention_days is 'Days for which audit rows are kept; stored and dropped by month like run events.';
comment on column stepbase.applications.max_waiting_runs is
  'Limit of runs that wait to start; start_run raises SB429 beyond it. Null: no limit.';
comment on column stepbase.applications.search_language is
  'The text search configuration of PostgreSQL for names and descriptions, such as german or simple.';
comment on column stepbase.applications.created_by is
  'User who created it with create_application; null: an operator did, or the user was deleted.';
comment on column stepbase.applications.deleted_at is
  'Since when the application is deactivated: members and API keys have no access, and schedules, events and webhooks start '
  'nothing. Open runs continue.';
comment on column stepbase.applications.is_deactivated_by_member is
  'True: an admin deactivated it with an RPC and can reactivate it. False: an operator did.';
comment on column stepbase.applications.purge_at is
  'When maintain() deletes the application with all its rows, set by delete_application; null: it stays.';

create index idx_applications_organization_id on stepbase.applications (organization_id);
create index idx_applications_purge_at on stepbase.applications (purge_at) where purge_at is not null;

create table stepbase.users (
  id uuid primary key references auth.users (id) on delete cascade,
  email text not null constraint user_email_is_unique unique
    constraint email_is_lowercase check (email = lower(email)),
  username text constraint username_is_unique unique
    constraint username_is_simple check (username ~ '^[a-z0-9][a-z0-9._-]{1,62}$'),
  display_name text not null default '',
  full_name text,
  avatar_url text constraint avatar_url_is_a_web_address check (avatar_url ~* '^https?://[^[:space:]]+$'),
  active_app_code text,
  is_active boolean not null default true,
  banned_until timestamptz,
  last_login_at timestamptz,
  password_changed_at timestamptz,
  failed_login_attempts int not null default 0
    constraint failed_login_attempts_is_not_negative check (failed_login_attempts >= 0),
  locked_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);

comment on table stepbase.users is 'Profile of a user of Supabase Auth; triggers on auth.users keep it up to date.';
comment on column stepbase.users.active_app_code is
  'Application that new sessions begin in, set by switch_app; null: the oldest accepted membership.';
comment on column stepbase.users.username is
  'Unique name, set by the service role. Clients cannot write it: the error of a taken name would tell that it exists.';
comment on column stepbase.users.is_active is 'False: the account gets no access tokens and no access.';
comment on column stepbase.users.banned_until is
  'End of a ban in auth.users that deactivated the account; stepbase_engine.maintain activates it again then.';
comment on column stepbase.users.failed_login_attempts is 'Number of wrong passwords in a row; the password hook counts them.';
comment on column stepbase.users.locked_until is 'Until this time every password is refused, including the right one.';
comment on column stepbase.users.last_login_at is 'Copied from auth.users.last_sign_in_at.';
comment on column stepbase.users.password_changed_at is 'When the password in auth.users last changed.';
comment on column stepbase.users.deleted_at is 'Soft delete: the user''s memberships give no access.';

create table stepbase.app_members (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  user_id uuid not null references stepbase.users (id) on delete cascade,
  role text not null default 'viewer',
  invited_by uuid default auth.uid() references stepbase.users (id) on delete set null,
  -- Memberships that a client makes wait for the member's consent. A client cannot write the column.
  accepted_at timestamptz default case when auth.uid() is null then now() end,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (app_code, user_id)
);

comment on table stepbase.app_members is
  'Membership of a user in an application. Policies read it, so deleting the row ends access at once.';
comment on column stepbase.app_members.accepted_at is
  'When the membership began to count. Null: a member manager added the user, who accepts by switch_app or declines by '
  'deleting the row. Memberships that the service role creates count at once.';

create index idx_app_members_user_id_created_at on stepbase.app_members (user_id, created_at);
create index idx_app_members_app_code_role on stepbase.app_members (app_code, role);
create index idx_app_members_invited_by on stepbase.app_members (invited_by);

-- users is created after the tables that refer to it.
alter table stepbase.organizations add constraint organizations_created_by_fkey
  foreign key (created_by) references stepbase.users (id) on delete set null;
alter table stepbase.applications add constraint applications_created_by_fkey
  foreign key (created_by) references stepbase.users (id) on delete set null;

create index idx_organizations_created_by on stepbase.organizations (created_by);
create index idx_applications_created_by on stepbase.applications (created_by);

alter table stepbase.users add constraint active_app_is_a_membership
  foreign key (active_app_code, id) references stepbase.app_members (app_code, user_id)
  on delete set null (active_app_code);

create index idx_users_active_app_code_id on stepbase.users (active_app_code, id);

create trigger organizations_touch_updated_at before update on stepbase.organizations
  for each row execute function stepbase_private.touch_updated_at();
create trigger applications_touch_updated_at before update on stepbase.applications
  for each row execute function stepbase_private.touch_updated_at();
create trigger users_touch_updated_at before update on stepbase.users
  for each row execute function stepbase_private.touch_updated_at();
create trigger app_members_touch_updated_at before update on stepbase.app_members
  for each row execute function stepbase_private.touch_updated_at();

create trigger organizations_keep_identity before update on stepbase.organizations
  for each row execute function stepbase_private.refuse_column_change('id', 'created_at');
create trigger applications_keep_identity before update on stepbase.applications
  for each row execute function stepbase_private.refuse_column_change('app_code', 'created_at');
create trigger users_keep_identity before update on stepbase.users
  for each row execute function stepbase_private.refuse_column_change('id', 'created_at');
create trigger app_members_keep_identity before update on stepbase.app_members
  for each row execute function stepbase_private.refuse_column_change('app_code', 'user_id', 'created_at');
