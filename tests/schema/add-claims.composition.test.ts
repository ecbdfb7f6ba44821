// A project's own access-token hook calls add_claims, with the privileges of the auth server (an invoker
// hook) or with its owner's (a security definer hook). Supabase Auth calls both as supabase_auth_admin.

import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { type FreshDatabase, freshDatabase, seedUser } from '../support/stack.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ seed: true });
  await withClient(database.url, (client) =>
    client.query(`
      create function public.own_hook(event jsonb) returns jsonb language plpgsql stable as $$
      begin
        event := jsonb_set(event, '{claims,plan}', '"pro"');
        return stepbase_private.add_claims(event);
      end;
      $$;
      create function public.own_definer_hook(event jsonb) returns jsonb
      language sql stable security definer set search_path = '' as 'select public.own_hook(event)';
      grant usage on schema public to supabase_auth_admin;
      revoke execute on function public.own_hook, public.own_definer_hook from public, anon, authenticated;
      grant execute on function public.own_hook, public.own_definer_hook to supabase_auth_admin;
    `),
  );
});

async function asAuthServer(hook: string, event: unknown): Promise<unknown> {
  return await withClient(database.adminUrl, async (client) => {
    await client.query('set role supabase_auth_admin');
    const { rows } = await client.query(`select ${hook}($1::jsonb) as answer`, [event]);
    return rows[0]?.answer;
  });
}

test.each([
  'public.own_hook',
  'public.own_definer_hook',
  'stepbase_private.custom_access_token_hook',
])('%s gives tokens the claims of Stepbase beside all others', async (hook) => {
  const user_id = seedUser('viewer@acme').id;
  const claims = { sub: user_id, role: 'authenticated', app_role: 'admin', api_key_id: 'forged' };
  const answer = await asAuthServer(hook, { user_id, claims, authentication_method: 'password' });
  expect(answer).toMatchObject({
    user_id,
    authentication_method: 'password',
    claims: { sub: user_id, role: 'authenticated', app_code: 'acme', app_role: 'viewer' },
  });
  expect(answer).not.toHaveProperty('claims.api_key_id');
  if (hook.startsWith('public.')) expect(answer).toHaveProperty('claims.plan', 'pro');
});

test.each([
  'public.own_hook',
  'public.own_definer_hook',
  'stepbase_private.custom_access_token_hook',
])('%s stores the application of the session, although a hook is stable', async (hook) => {
  const user_id = seedUser('admin@acme').id;
  const claims = { sub: user_id, session_id: randomUUID() };
  const switched = 'update stepbase.users set active_app_code = $1 where id = $2';
  const answers: unknown[] = [];
  for (const chosen of ['acme-labs', 'acme']) {
    await withClient(database.url, (db) => db.query(switched, [chosen, user_id]));
    answers.push(await asAuthServer(hook, { user_id, claims }));
  }
  for (const answer of answers) {
    expect(answer).toMatchObject({ claims: { ...claims, app_code: 'acme-labs' } });
  }
});

test.each(['public.own_hook', 'public.own_definer_hook'])(
  '%s refuses a deactivated account',
  async (hook) => {
    const user_id = seedUser('developer@globex').id;
    await withClient(database.url, (client) =>
      client.query('update stepbase.users set is_active = false where id = $1', [user_id]),
    );
    expect(await asAuthServer(hook, { user_id, claims: { sub: user_id } })).toEqual({
      error: { http_code: 403, message: 'This account is deactivated' },
    });
  },
);
