-- Checks of published versions: what the checker in TypeScript finds that SQL cannot decide. A version stays published,
-- and its runs go on, with every finding.

create table stepbase.workflow_version_checks (
  workflow_version_id uuid primary key,
  app_code text not null,
  checker_version int not null default 0 constraint checker_version_is_not_negative check (checker_version >= 0),
  checked_at timestamptz,
  findings jsonb not null default '[]' constraint findings_is_an_array check (jsonb_typeof(findings) = 'array'),
  constraint check_is_of_version_of_same_app
    foreign key (workflow_version_id, app_code) references stepbase.workflow_versions (id, app_code) on delete cascade,
  constraint checked_at_matches_checker_version check ((checked_at is null) = (checker_version = 0))
);

comment on table stepbase.workflow_version_checks is
  'What the checker found in published versions. A worker checks a version within seconds after it was published.';
comment on column stepbase.workflow_version_checks.checker_version is
  'Version of the checker; 0: not checked yet. A worker with a newer checker checks the version again.';
comment on column stepbase.workflow_version_checks.findings is
  'The faults: [{node, pointer, code, message, hint?, severity}]. pointer: JSON pointer into the definition. severity: error '
  'or warning.';

create index idx_workflow_version_checks_workflow_version_id_app_code
  on stepbase.workflow_version_checks (workflow_version_id, app_code);
create index idx_workflow_version_checks_app_code on stepbase.workflow_version_checks (app_code);
create index idx_workflow_version_checks_checker_version on stepbase.workflow_version_checks (checker_version);

alter table stepbase.workflow_version_checks enable row level security;

-- Only workers write checks.
grant select on stepbase.workflow_version_checks to authenticated;
grant select on stepbase.workflow_version_checks to service_role;

create policy "Members read the checks of their versions" on stepbase.workflow_version_checks
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));
