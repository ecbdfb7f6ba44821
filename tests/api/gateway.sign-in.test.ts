// The path of a client: sign in with supabase-js, then call the function through the gateway.
import { expect, it } from 'vitest';
import { client, inbox, seedUser, signedIn, stackInfo } from '../support/stack.ts';
import { publishWorkflow } from './support.ts';

it('a signed-in user can start a run through the gateway; other callers cannot', async () => {
  const path = `stepbase-api/v1/workflows/${await publishWorkflow(seedUser('admin@acme'))}/runs`;
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

it('the gateway passes on each event of the stream at once', async () => {
  const supabase = await signedIn('admin@acme');
  const workflow = await publishWorkflow(seedUser('admin@acme'));
  const started = await supabase.rpc('start_run', { workflow, input: { n: 1 } });
  expect(started.error).toBeNull();
  const { data } = await supabase.auth.getSession();
  const response = await fetch(
    `${stackInfo().api_url}/functions/v1/stepbase-api/v1/runs/${started.data.id}/events`,
    {
      headers: { authorization: `Bearer ${data.session?.access_token}` },
      signal: AbortSignal.timeout(20_000),
    },
  );
  expect(response.status).toBe(200);
  const events = inbox<string>();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      for (const [, name = ''] of decoder.decode(bytes).matchAll(/^event: (\w+)$/gm)) {
        events.push(name);
      }
    }
  })();
  // The event arrives while the stream is open: the run still waits for its approval.
  await events.next('the snapshot', (name) => name === 'snapshot');
  expect((await supabase.rpc('cancel_run', { run_id: started.data.id })).error).toBeNull();
  await events.next('the end', (name) => name === 'end');
  await reading;
});
