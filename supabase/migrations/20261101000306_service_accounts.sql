-- Service accounts: members of an application that are machines. They cannot sign in and act through the API keys that
-- they own, so that such keys outlive the membership of the person who created them.

create table stepbase.service_accounts (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  description text not null default '',
  role text not null,
  is_active boolean not null default true,
  created_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint service_account_name_is_unique_in_app unique (app_code, name),
  constraint service_accounts_id_app_code_key unique (id, app_code),
  constraint service_account_role_is_of_same_app
    foreign key (app_code, role) references stepbase.app_roles (app_code, name)
);

comment on table stepbase.service_accounts is
  'Members without a login, which own API keys; created and changed by RPC.';
comment on column stepbase.service_accounts.role is 'Limits the permissions of the API keys of the account.';
comment on column stepbase.service_accounts.is_active is 'False: the API keys of the account give no access.';
comment on column stepbase.service_accounts.created_by is 'Creator; null after the user was deleted, and for machines.';

create index idx_service_accounts_app_code_role on stepbase.service_accounts (app_code, role);
create index idx_service_accounts_created_by on stepbase.service_accounts (created_by);

create trigger service_accounts_touch_updated_at before update on stepbase.service_accounts
  for each row execute function stepbase_private.touch_updated_at();
create trigger service_accounts_keep_identity before update on stepbase.service_accounts
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'created_at');
