// Outputs above STEPBASE_OUTPUT_BYTES: they are objects of the stack's Storage, later steps and members read them, and
// they are deleted after their run.

import { beforeAll, expect, test } from 'vitest';
import { client, type StackClient, signedIn, waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: StackClient;

beforeAll(async () => {
  b = await testApp();
  server = client(b.stack, b.stack.secret_key);
});

const big = (id: string) => value(id, `{ "id": "${id}", "text": $pad("", 300000, "x") }`);
const text = 'x'.repeat(300_000);

async function outputOf(runId: string, step: string, user: StackClient = b.developer) {
  const { data } = await user.auth.getSession();
  const response = await fetch(
    `${b.stack.api_url}/functions/v1/stepbase-api/v1/runs/${runId}/steps/${step}/output`,
    { headers: { authorization: `Bearer ${data.session?.access_token}` } },
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function objectsOf(runId: string): Promise<string[]> {
  const { rows } = await b.db.query<{ path: string }>(
    'select path from stepbase_engine.stored_outputs where run_id = $1 order by path',
    [runId],
  );
  return rows.map(({ path }) => path);
}

const exists = async (path: string) =>
  (await server.storage.from('stepbase-outputs').download(path)).error === null;

test('the run keeps a reference, later steps read the value, and members only get it by the API and from Storage', async () => {
  const { run, step } = await b.run(
    [big('one'), value('size', '$length(steps.one.output.text)'), value('all', 'context.one.id')],
    ['one > size', 'size > all'],
  );
  expect(run.output).toEqual({ all: 'one' });
  expect(step('size').output).toBe(300_000);
  const [path = ''] = await objectsOf(run.id);
  expect(step('one').output).toMatchObject({
    ...{ $stepbase: 'storage', bucket: 'stepbase-outputs', path },
    content_type: 'application/json',
  });
  expect(path).toBe(`acme/${run.id}/${step('one').id}/1.json`);
  expect(await outputOf(run.id, 'one')).toEqual({
    status: 200,
    body: { attempt: 1, output: { id: 'one', text } },
  });
  expect(await outputOf(run.id, 'size')).toMatchObject({ body: { output: 300_000 } });
  const { data } = await b.developer.storage.from('stepbase-outputs').download(path);
  expect(JSON.parse((await data?.text()) ?? 'null')).toEqual({ id: 'one', text });
  const foreigner = await signedIn('admin@globex', b.stack);
  for (const other of [foreigner, client(b.stack)]) {
    const refused = await other.storage.from('stepbase-outputs').download(path);
    expect(refused.error).not.toBeNull();
  }
  expect((await outputOf(run.id, 'none')).status).toBe(404);
  expect((await outputOf(run.id, 'one', foreigner)).status).toBe(404);
});

test('items and child runs: the references stand within the output, and are read in place', async () => {
  const child = await b.publish([big('made')]);
  const { run } = await b.run(
    [
      node('items', 'for_each', {
        items: '{{ [1, 2] }}',
        step: {
          type: 'transform',
          config: { expression: '{ "n": item, "text": $pad("", 300000, "x") }' },
        },
      } as never),
      node('child', 'child_workflow', { workflow: child, wait: true }),
      value('read', '[steps.items.output.n, $length(steps.child.output.made.text)]'),
    ],
    ['items > child', 'child > read'],
  );
  expect(run.error).toBeNull();
  expect(run.output).toEqual({ read: [1, 2, 300_000] });
  expect((await outputOf(run.id, 'child')).body.output).toEqual({ made: { id: 'made', text } });
  expect(await objectsOf(run.id)).toHaveLength(2);
});

test('the objects are deleted after their run', async () => {
  const { run } = await b.run([big('one')]);
  const [path = ''] = await objectsOf(run.id);
  expect(await exists(path)).toBe(true);
  await b.db.query('delete from stepbase.runs where id = $1', [run.id]);
  await b.db.query(
    'update stepbase_engine.stored_outputs set delete_at = stepbase_engine.now() where path = $1 and delete_at is not null',
    [path],
  );
  await b.db.query("notify stepbase, 'due'");
  await waitFor('the row is forgotten', async () => (await objectsOf(run.id)).length === 0);
  expect(await exists(path)).toBe(false);
});
