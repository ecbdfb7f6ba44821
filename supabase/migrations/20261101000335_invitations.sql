-- Invitations: a member manager invites an e-mail address to an application. The mail contains a token; the table has
-- a hash of it only. The queue of mails is here too, because a mail belongs to its invitation.

create table stepbase.invitations (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  email text not null constraint email_is_lowercase check (email = lower(email))
    constraint email_is_an_address check (
      length(email) <= 254 and email ~ '^[^[:space:]@<>(),;:"\\]+@[^[:space:]@<>(),;:"\\]+$'
    ),
  role text not null,
  status text not null default 'open'
    constraint status_is_known check (status in ('open', 'accepted', 'declined', 'revoked', 'expired')),
  invited_by uuid references stepbase.users (id) on delete set null,
  is_by_operator boolean not null default false,
  expires_at timestamptz not null,
  mail_sent_at timestamptz,
  mail_error text,
  accepted_by uuid references stepbase.users (id) on delete set null,
  ended_at timestamptz,
  created_at timestamptz not null default stepbase_engine.now(),
  updated_at timestamptz not null default now(),
  constraint invitation_is_of_app unique (id, app_code),
  constraint invitation_role_is_of_same_app
    foreign key (app_code, role) references stepbase.app_roles (app_code, name),
  constraint ended_at_matches_status check ((status = 'open') = (ended_at is null))
);

comment on table stepbase.invitations is
  'Invitations to an application. RPCs create and end them; the row stays as a record and is deleted 90 days after its end.';
comment on column stepbase.invitations.email is 'The invited address: only a user with this confirmed address can accept.';
comment on column stepbase.invitations.role is 'Role that the member gets.';
comment on column stepbase.invitations.status is
  'open: can be accepted until expires_at. accepted, declined, revoked, expired: it has ended.';
comment on column stepbase.invitations.invited_by is
  'Member who invited, or the owner of the API key. The invitation ends with this member''s right to invite.';
comment on column stepbase.invitations.is_by_operator is 'Made by the service role or an operator: it depends on no member.';
comment on column stepbase.invitations.mail_sent_at is 'When the mail server took the latest mail; null until then.';
comment on column stepbase.invitations.mail_error is 'Why the latest mail was not sent; a repetition can follow.';

create unique index idx_invitations_app_code_email
on stepbase.invitations (app_code, email) where status = 'open';
create index idx_invitations_open on stepbase.invitations (app_code, expires_at) where status = 'open';
create index idx_invitations_app_code_created_at on stepbase.invitations (app_code, created_at desc);
create index idx_invitations_app_code_role on stepbase.invitations (app_code, role);
create index idx_invitations_email on stepbase.invitations (email) where status = 'open';
create index idx_invitations_invited_by on stepbase.invitations (invited_by);
create index idx_invitations_accepted_by on stepbase.invitations (accepted_by);

create trigger invitations_cut_errors before insert or update of mail_error on stepbase.invitations
  for each row when (pg_column_size(new.mail_error) > 4096)
  execute function stepbase_private.cut_errors('mail_error');
create trigger invitations_touch_updated_at before update on stepbase.invitations
  for each row execute function stepbase_private.touch_updated_at();
create trigger invitations_keep_identity before update on stepbase.invitations
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'email', 'role', 'created_at');

alter table stepbase.invitations enable row level security;

grant select on stepbase.invitations to authenticated;
grant select, delete on stepbase.invitations to service_role;

create policy "Member managers read the invitations of their application" on stepbase.invitations
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')));

create table stepbase_private.invitation_tokens (
  invitation_id uuid primary key,
  app_code text not null,
  token_hash text not null constraint token_hash_is_unique unique
    constraint token_hash_is_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
  constraint token_is_of_the_app_of_its_invitation
    foreign key (invitation_id, app_code) references stepbase.invitations (id, app_code) on delete cascade
);

comment on table stepbase_private.invitation_tokens is
  'The token of the latest mail of each invitation, as SHA-256 in hex. An earlier link is not valid any more.';
create index idx_invitation_tokens_invitation_id_app_code
on stepbase_private.invitation_tokens (invitation_id, app_code);
alter table stepbase_private.invitation_tokens enable row level security;

create table stepbase_private.mails (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  template text not null constraint template_is_known check (template in ('invitation', 'task')),
  recipient text not null,
  data jsonb not null default '{}' constraint data_is_an_object check (jsonb_typeof(data) = 'object'),
  invitation_id uuid,
  step_run_id uuid,
  user_id uuid references stepbase.users (id) on delete cascade,
  due_at timestamptz not null default stepbase_engine.now(),
  attempts int not null default 0 constraint attempts_is_not_negative check (attempts >= 0),
  sent_at timestamptz,
  failed_at timestamptz,
  message_id text,
  error text,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint mail_ends_once check (sent_at is null or failed_at is null),
  constraint mail_of_an_invitation_names_it check ((template = 'invitation') = (invitation_id is not null)),
  constraint mail_of_a_task_names_it_and_the_person check (
    num_nonnulls(step_run_id, user_id) = case template when 'task' then 2 else 0 end
  ),
  constraint mail_is_of_the_app_of_its_invitation
    foreign key (invitation_id, app_code) references stepbase.invitations (id, app_code) on delete cascade
);

comment on table stepbase_private.mails is
  'Mails of Stepbase itself. A transaction writes the row, a worker sends the mail with the settings of send_email. '
  'Ended rows are deleted after 30 days.';
comment on column stepbase_private.mails.data is 'What the template needs. It has no secret: take_mails adds the token.';
-- No foreign key: it would be checked for each step run that is deleted.
comment on column stepbase_private.mails.step_run_id is 'The task that the mail is about.';
comment on column stepbase_private.mails.due_at is 'When the next attempt is due; during an attempt, when it counts as lost.';
comment on column stepbase_private.mails.failed_at is 'When the last attempt failed, or the mail was not needed any more.';

create index idx_mails_due on stepbase_private.mails (due_at) where sent_at is null and failed_at is null;
-- The limit of an application counts its rows of the last hour.
create index idx_mails_app_code_created_at on stepbase_private.mails (app_code, created_at);
create index idx_mails_invitation_id_app_code on stepbase_private.mails (invitation_id, app_code);
create index idx_mails_user_id on stepbase_private.mails (user_id) where user_id is not null;
create index idx_mails_created_at on stepbase_private.mails (created_at);

create trigger mails_cut_errors before insert or update of error on stepbase_private.mails
  for each row when (pg_column_size(new.error) > 4096)
  execute function stepbase_private.cut_errors('error');

alter table stepbase_private.mails enable row level security;
