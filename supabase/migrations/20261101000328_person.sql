-- The person behind a call: the rules of approvals and invitations count persons, not credentials.

create function stepbase_private.person_id()
returns uuid
language sql
stable
set search_path = ''
as $$
  select coalesce(
    auth.uid(), (select k.owner_id from stepbase.api_keys k where k.id = (auth.jwt() ->> 'api_key_id')::uuid)
  );
$$;

comment on function stepbase_private.person_id() is
  'The calling user, or the owner of the calling API key; null for keys of service accounts and for the secret key. The '
  'caller of this function can read stepbase.api_keys.';
