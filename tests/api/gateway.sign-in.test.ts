// The way in that clients take: sign in with supabase-js, call the function through the gateway.
import { createClient } from '@supabase/supabase-js';
import { expect, it } from 'vitest';
import { PEOPLE, publishWorkflow, stackInfo } from './support.ts';

const stack = stackInfo();

it('a signed-in person starts a run through the gateway, and nobody else does', async () => {
  const workflow = await publishWorkflow(stack.db_url, PEOPLE.acmeAdmin);
  const supabase = createClient(stack.api_url, stack.publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const start = () =>
    supabase.functions.invoke(`api/v1/workflows/${workflow}/runs`, { body: { input: { n: 3 } } });

  const before = await start();
  expect(before.response?.status).toBe(401);
  expect(await before.response?.json()).toMatchObject({ code: 'not_authenticated' });

  const user = stack.users.find(({ app_code, role }) => app_code === 'acme' && role === 'admin');
  const { error } = await supabase.auth.signInWithPassword({
    email: user?.email ?? '',
    password: user?.password ?? '',
  });
  expect(error).toBeNull();
  const after = await start();
  expect(after.error).toBeNull();
  expect(after.data).toMatchObject({ app_code: 'acme', created_by: PEOPLE.acmeAdmin.id });
  await supabase.rpc('cancel_run', { run_id: after.data.id });
});
