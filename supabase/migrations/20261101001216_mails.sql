-- Mails of Stepbase itself: SQL queues a row in its transaction, a worker takes it, sends it and records the outcome. A
-- failed attempt is repeated with growing pauses; the last error stays with the row.

create function stepbase_private.can_send_mail()
returns boolean
language sql
stable
set search_path = ''
as $$
  -- Each worker reports with its heartbeat. An older report tells nothing: the settings may have changed since.
  select bool_or((w.metadata ->> 'mail')::boolean)
  from stepbase.workers w
  where w.app_code is null
    and w.metadata ? 'mail'
    and w.last_heartbeat_at > stepbase_engine.now() - interval '10 minutes';
$$;

comment on function stepbase_private.can_send_mail() is
  'Whether a worker with a heartbeat in the last ten minutes has settings for mail; null if no worker has reported.';

create function stepbase_private.queue_mail(
  p_app_code text, p_template text, p_recipient text, p_data jsonb, p_invitation_id uuid default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_limit int;
  v_id uuid;
begin
  if not stepbase_private.can_send_mail() then
    perform stepbase_private.raise_error(
      'mail_not_configured',
      'Mail is not configured. An operator sets SMTP_URL or RESEND_API_KEY, SMTP_FROM and STEPBASE_WEB_URL for the worker'
    );
  end if;
  select q.max_invitation_mails_per_hour into v_limit from stepbase.app_quotas q where q.app_code = p_app_code;
  if (
    select count(*) >= v_limit
    from stepbase_private.mails m
    where m.app_code = p_app_code and m.template = p_template and m.created_at > stepbase_engine.now() - interval '1 hour'
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('The application may send %s of these mails per hour; retry later', v_limit),
      jsonb_build_object('quota', 'max_invitation_mails_per_hour', 'limit', v_limit)
    );
  end if;
  insert into stepbase_private.mails (app_code, template, recipient, data, invitation_id)
  values (p_app_code, p_template, p_recipient, coalesce(p_data, '{}'), p_invitation_id)
  returning id into v_id;
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.request_worker();
  return v_id;
end;
$$;

comment on function stepbase_private.queue_mail(text, text, text, jsonb, uuid) is
  'Queues a mail that a worker sends after the commit, and returns its id. Errors: SB503 mail_not_configured if every '
  'worker that reported has no settings for mail, SB429 beyond max_invitation_mails_per_hour of the application.';

create function stepbase_engine.has_due_mails()
returns boolean
language sql
volatile -- It sees what the statement that calls it has written.
set search_path = ''
as $$
  select exists (
    select from stepbase_private.mails m
    where m.sent_at is null and m.failed_at is null and m.due_at <= stepbase_engine.now()
  );
$$;

comment on function stepbase_engine.has_due_mails() is 'Whether a mail waits to be sent. Costs one index look-up.';

create function stepbase_engine.take_mails(p_limit int default 10, p_lease interval default '2 minutes')
returns table (mail_id uuid, app_code text, template text, recipient text, data jsonb, attempt int)
language plpgsql
set search_path = ''
as $$
declare
  v_mail record;
  v_added jsonb;
  v_token text;
begin
  for v_mail in
    update stepbase_private.mails m
    set attempts = m.attempts + 1, due_at = stepbase_engine.now() + p_lease
    where m.id in (
      select d.id
      from stepbase_private.mails d
      where d.sent_at is null and d.failed_at is null and d.due_at <= stepbase_engine.now()
      order by d.due_at
      limit p_limit
      for update skip locked
    )
    returning m.*
  loop
    v_added := '{}';
    if v_mail.template = 'invitation' then
      -- The token exists in this answer and in the mail only.
      v_token := stepbase_private.random_token('sbi_');
      insert into stepbase_private.invitation_tokens as t (invitation_id, app_code, token_hash)
      values (v_mail.invitation_id, v_mail.app_code, stepbase_private.token_hash(v_token))
      on conflict (invitation_id) do update set token_hash = excluded.token_hash;
      v_added := jsonb_build_object('token', v_token);
    elsif v_mail.template = 'task' then
      v_added := stepbase_engine.task_mail_data(v_mail.step_run_id, v_mail.user_id);
      if v_added is null then
        update stepbase_private.mails m
        set failed_at = stepbase_engine.now(), error = 'the task does not wait for this person any more'
        where m.id = v_mail.id;
        continue;
      end if;
    end if;
    mail_id := v_mail.id;
    app_code := v_mail.app_code;
    template := v_mail.template;
    recipient := v_mail.recipient;
    data := v_mail.data || v_added;
    attempt := v_mail.attempts;
    return next;
  end loop;
end;
$$;

comment on function stepbase_engine.take_mails(int, interval) is
  'Takes at most p_limit due mails for an attempt and returns them. Their links get new tokens, so that none is stored. A '
  'mail about a task that does not wait for the person any more ends. A mail without an outcome after p_lease is taken again.';

create function stepbase_engine.record_mail(
  p_mail_id uuid, p_attempt int, p_message_id text, p_error text default null, p_is_final boolean default false
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  c_pauses constant interval[] := array['30 seconds', '2 minutes', '10 minutes', '1 hour', '3 hours'];
  v_mail stepbase_private.mails;
begin
  -- The invitation first, as the RPCs of invitations lock it; the other order could deadlock.
  perform 1
  from stepbase.invitations i
  where (i.id, i.app_code) = (select m.invitation_id, m.app_code from stepbase_private.mails m where m.id = p_mail_id)
  for no key update;
  update stepbase_private.mails m
  set
    sent_at = case when p_error is null then v_now end,
    failed_at = case when p_error is not null and (p_is_final or p_attempt > cardinality(c_pauses)) then v_now end,
    due_at = coalesce(v_now + c_pauses[p_attempt], m.due_at),
    message_id = p_message_id,
    error = left(p_error, 500)
  where m.id = p_mail_id and m.attempts = p_attempt and m.sent_at is null and m.failed_at is null
  returning m.* into v_mail;
  update stepbase.invitations i
  set mail_sent_at = coalesce(v_mail.sent_at, i.mail_sent_at), mail_error = v_mail.error
  where i.id = v_mail.invitation_id and i.app_code = v_mail.app_code;
end;
$$;

comment on function stepbase_engine.record_mail(uuid, int, text, text, boolean) is
  'Stores the outcome of an attempt: the id of the sent message, or an error. A failed attempt is repeated after 30 '
  'seconds, 2 minutes, 10 minutes, 1 hour and 3 hours, unless p_is_final. An attempt that was taken again changes nothing.';

create function stepbase_engine.prune_mails(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_mails int;
  v_invitations int;
  v_links int;
begin
  delete from stepbase_private.mails m
  where m.id in (
    select o.id
    from stepbase_private.mails o
    where o.created_at < stepbase_engine.now() - interval '30 days' and (o.sent_at is not null or o.failed_at is not null)
    order by o.created_at
    limit p_limit
    for update skip locked
  );
  get diagnostics v_mails = row_count;
  delete from stepbase.invitations i
  where i.id in (
    select o.id
    from stepbase.applications a
    cross join lateral (
      select x.id
      from stepbase.invitations x
      where x.app_code = a.app_code
        and x.created_at < stepbase_engine.now() - interval '90 days'
        and coalesce(x.ended_at, x.expires_at) < stepbase_engine.now() - interval '90 days'
      limit p_limit
      for update skip locked
    ) o
    limit p_limit
  );
  get diagnostics v_invitations = row_count;
  delete from stepbase_private.task_links l
  where l.id in (
    select o.id
    from stepbase_private.task_links o
    where o.expires_at < stepbase_engine.now() - interval '30 days'
    order by o.expires_at
    limit p_limit
    for update skip locked
  );
  get diagnostics v_links = row_count;
  return v_mails + v_invitations + v_links;
end;
$$;

comment on function stepbase_engine.prune_mails(int) is
  'Deletes mails that ended and are 30 days old, links of tasks 30 days after their expiry, and invitations 90 days after '
  'their end or expiry: at most p_limit of each. Returns their number.';
