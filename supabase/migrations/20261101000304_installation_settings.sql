-- The settings of the whole installation, one row. The operator changes them by SQL; clients cannot read the table.

create table stepbase_private.installation_settings (
  is_only_row boolean primary key default true constraint there_is_one_row check (is_only_row),
  tenant_creation text not null default 'users'
    constraint tenant_creation_is_known check (tenant_creation in ('users', 'operators')),
  max_organizations_per_user int not null default 5
    constraint max_organizations_per_user_is_not_negative check (max_organizations_per_user >= 0),
  max_applications_per_user int not null default 20
    constraint max_applications_per_user_is_not_negative check (max_applications_per_user >= 0),
  max_applications_per_organization int not null default 100
    constraint max_applications_per_organization_is_not_negative check (max_applications_per_organization >= 0),
  deletion_grace_days int not null default 30
    constraint deletion_grace_is_between_0_days_and_10_years check (deletion_grace_days between 0 and 3650),
  updated_at timestamptz not null default now()
);

comment on table stepbase_private.installation_settings is
  'Settings of the installation, in one row. Example: update stepbase_private.installation_settings set tenant_creation = ''operators''.';
comment on column stepbase_private.installation_settings.tenant_creation is
  'Who creates organizations and applications: users (every signed-in user, within the limits below) or operators (by SQL '
  'or with the secret key).';
comment on column stepbase_private.installation_settings.max_organizations_per_user is 'Organizations that one user has created and that still exist.';
comment on column stepbase_private.installation_settings.max_applications_per_user is 'Applications that one user has created and that still exist.';
comment on column stepbase_private.installation_settings.max_applications_per_organization is
  'Applications of one organization; create_application checks it, an operator may exceed it.';
comment on column stepbase_private.installation_settings.deletion_grace_days is
  'Days between delete_application and the deletion of the rows, during which an admin can cancel.';

insert into stepbase_private.installation_settings default values;

create trigger installation_settings_touch_updated_at before update on stepbase_private.installation_settings
  for each row execute function stepbase_private.touch_updated_at();

alter table stepbase_private.installation_settings enable row level security;
