// The way in that clients take: sign in with supabase-js, call the function through the gateway.
import { expect, it } from 'vitest';
import { client, seedUser, signedIn } from '../support/stack.ts';
import { publishWorkflow } from './support.ts';

it('a signed-in person starts a run through the gateway, and nobody else does', async () => {
  const path = `api/v1/workflows/${await publishWorkflow(seedUser('admin@acme'))}/runs`;
  const body = { input: { n: 3 } };

  const nobody = await client().functions.invoke(path, { body });
  expect(nobody.response?.status).toBe(401);
  expect(await nobody.response?.json()).toMatchObject({ code: 'not_authenticated' });

  const supabase = await signedIn('admin@acme');
  const { data, error } = await supabase.functions.invoke(path, { body });
  expect(error).toBeNull();
  expect(data).toMatchObject({ app_code: 'acme', created_by: seedUser('admin@acme').id });
  expect((await supabase.rpc('cancel_run', { run_id: data.id })).error).toBeNull();
});
