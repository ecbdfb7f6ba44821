-- Idempotency keys of the HTTP API: the first answer of a request that creates, so that a repeated request creates
-- nothing. The row is written in the transaction that creates, so a request that fails leaves no key behind.

create table stepbase_private.idempotency_keys (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text references stepbase.applications (app_code) on delete cascade,
  user_id uuid references stepbase.users (id) on delete cascade,
  route text not null,
  key text not null constraint key_has_1_to_255_characters check (length(key) between 1 and 255),
  request_hash text not null constraint request_hash_is_sha256 check (request_hash ~ '^[0-9a-f]{64}$'),
  answer jsonb,
  created_at timestamptz not null default stepbase_engine.now(),
  expires_at timestamptz not null default stepbase_engine.now() + interval '24 hours',
  constraint idempotency_key_is_of_an_application_or_a_user check (num_nonnulls(app_code, user_id) = 1),
  constraint idempotency_key_is_unique_in_route unique nulls not distinct (app_code, user_id, route, key),
  constraint expires_after_it_was_made check (expires_at > created_at)
);

comment on table stepbase_private.idempotency_keys is
  'Answers of the HTTP API to requests with an Idempotency-Key; stepbase_engine.prune() deletes expired ones.';
comment on column stepbase_private.idempotency_keys.app_code is 'Application of the caller: its callers share their keys.';
comment on column stepbase_private.idempotency_keys.user_id is
  'Calling user, for routes that need no application: another member must not get the answer.';
comment on column stepbase_private.idempotency_keys.route is 'The operationId of the route.';
comment on column stepbase_private.idempotency_keys.request_hash is 'SHA-256 of path and body: the same key must mean the same request.';
comment on column stepbase_private.idempotency_keys.answer is
  '{status?, body?, headers?}; null until the transaction that creates ends. Secrets are not stored.';

create index idx_idempotency_keys_user_id on stepbase_private.idempotency_keys (user_id);
create index idx_idempotency_keys_expires_at on stepbase_private.idempotency_keys (expires_at);

alter table stepbase_private.idempotency_keys enable row level security;

-- Security definer: no client has access to the table. The row is of the caller's application, or of the calling user.
create function stepbase_private.claim_idempotency_key(
  p_route text, p_key text, p_request_hash text, p_is_of_user boolean default false
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := case when not p_is_of_user then stepbase_private.app_code() end;
  v_user_id constant uuid := case when p_is_of_user then auth.uid() end;
  v_stored stepbase_private.idempotency_keys;
begin
  if p_is_of_user and v_user_id is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  if not p_is_of_user and v_app is null then
    perform stepbase_private.raise_error('permission_denied', 'You are not a member of an application; ask an admin to add you');
  end if;
  -- A concurrent request with the same key waits here until the first one commits or fails.
  insert into stepbase_private.idempotency_keys (app_code, user_id, route, key, request_hash)
  values (v_app, v_user_id, p_route, p_key, p_request_hash)
  on conflict on constraint idempotency_key_is_unique_in_route do update set
    request_hash = excluded.request_hash,
    answer = null,
    created_at = excluded.created_at,
    expires_at = excluded.expires_at
  where idempotency_keys.expires_at <= stepbase_engine.now();
  if found then
    return null;
  end if;
  select k.* into strict v_stored
  from stepbase_private.idempotency_keys k
  where k.app_code is not distinct from v_app
    and k.user_id is not distinct from v_user_id
    and k.route = p_route and k.key = p_key;
  if v_stored.request_hash <> p_request_hash then
    perform stepbase_private.raise_error('conflict', 'The Idempotency-Key was used for another request');
  end if;
  return coalesce(v_stored.answer, '{}');
end;
$$;

comment on function stepbase_private.claim_idempotency_key(text, text, text, boolean) is
  'Null if the key is new or expired: the caller''s transaction owns it now. Otherwise the stored answer. p_is_of_user: the '
  'key belongs to the calling user and not to the application. Raises SB409 conflict if the key was used for another '
  'request, SB403 without an application, and SB401 without a user if p_is_of_user. The HTTP API calls it.';
grant execute on function stepbase_private.claim_idempotency_key(text, text, text, boolean) to authenticated;

-- Security definer for the same reason.
create function stepbase_private.store_idempotent_answer(
  p_route text, p_key text, p_answer jsonb, p_is_of_user boolean default false
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := case when not p_is_of_user then stepbase_private.app_code() end;
  v_user_id constant uuid := case when p_is_of_user then auth.uid() end;
begin
  update stepbase_private.idempotency_keys k
  set answer = p_answer
  where k.answer is null and k.route = p_route and k.key = p_key
    and ((p_is_of_user and k.user_id = v_user_id) or (not p_is_of_user and k.app_code = v_app));
end;
$$;

comment on function stepbase_private.store_idempotent_answer(text, text, jsonb, boolean) is
  'Stores the answer for the key that the transaction claimed. The HTTP API calls it.';
grant execute on function stepbase_private.store_idempotent_answer(text, text, jsonb, boolean) to authenticated;

create function stepbase_engine.prune_idempotency_keys(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  with old as (
    select k.id
    from stepbase_private.idempotency_keys k
    where k.expires_at <= stepbase_engine.now()
    order by k.expires_at
    limit p_limit
    for update skip locked
  ),
  gone as (
    delete from stepbase_private.idempotency_keys k
    using old o
    where k.id = o.id
    returning 1
  )
  select count(*) into v_pruned from gone;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_idempotency_keys(int) is 'Deletes at most p_limit expired idempotency keys; returns their number.';
