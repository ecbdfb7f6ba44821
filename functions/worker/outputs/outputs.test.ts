// Large outputs: what goes to Storage and what stays, the reference, the failures of Storage, and reading references back.

import assert from 'node:assert/strict';
import { systemClock } from '../../_shared/clock/clock.ts';
import { MAX_OUTPUT_BYTES, type OutputReference } from '../../_shared/outputs/reference.ts';
import type { Work } from '../engine/types.ts';
import { StepError } from '../steps/errors.ts';
import { afterAll } from '../steps/testing.ts';
import { createOutputs } from './outputs.ts';
import { OutputRemoval } from './removal.ts';

const LIMIT = 1_000;
const RUN = '00000000-0000-4000-8000-000000000001';
const STEP = '00000000-0000-4000-8000-000000000002';
const WORK: Work = {
  ...{ job_id: 'j', run_id: RUN, app_code: 'acme', workflow_version_id: 'v', step_id: 'a' },
  ...{ step_run_id: STEP, item_index: 0, attempt: 1, fence: 3 },
};
const PATH = `acme/${RUN}/${STEP}/3.json`;

/** A Storage that answers with the next refusals first; a bucket has to be created. */
const objects = new Map<string, string>();
let hasBucket = false;
let refusals: number[] = [];
const seen: string[] = [];
const refused = (status: number) =>
  Response.json({ statusCode: String(status), message: 'no' }, { status: 400 });
const server = Deno.serve(
  { port: 0, hostname: '127.0.0.1', onListen: () => {} },
  async (request) => {
    const path = new URL(request.url).pathname.slice('/storage/v1/'.length);
    const body = await request.text();
    seen.push(`${request.method} ${path}`);
    const refusal = refusals.shift();
    if (refusal !== undefined) return refused(refusal);
    if (path === 'bucket') {
      hasBucket = true;
      return Response.json({});
    }
    if (!hasBucket) return refused(404);
    const name = path.slice('object/stepbase-outputs/'.length);
    if (request.method === 'POST') objects.set(name, body);
    if (request.method === 'DELETE') {
      for (const each of JSON.parse(body).prefixes) objects.delete(each);
    }
    if (request.method !== 'GET') return Response.json({});
    const content = objects.get(name);
    return content === undefined ? refused(404) : new Response(content);
  },
);
afterAll(() => server.shutdown());
const storage = { url: `http://127.0.0.1:${server.addr.port}`, secretKey: 'sb_secret_x' };

const registered: number[] = [];
/** Pauses between two writes take no time. */
const clock = {
  ...systemClock,
  after: (_ms: number, action: () => void) => systemClock.after(0, action),
};

function setup(options: { secretKey?: undefined; limitBytes?: number; leaseLost?: boolean } = {}) {
  objects.clear();
  refusals = [];
  hasBucket = true;
  seen.length = 0;
  registered.length = 0;
  return createOutputs({
    queries: {
      register(_attempt, size) {
        registered.push(size);
        const lost = Object.assign(new Error('lost'), { code: 'SB409' });
        return options.leaseLost ? Promise.reject(lost) : Promise.resolve(PATH);
      },
    },
    storage: 'secretKey' in options ? { url: storage.url } : storage,
    limitBytes: options.limitBytes ?? LIMIT,
    clock,
  });
}

const { signal } = new AbortController();
const large = { text: 'é'.repeat(LIMIT), n: '12345678901234567890' };
const store = (outputs: ReturnType<typeof setup>, output: unknown, work = WORK) =>
  outputs.store(work, output, signal) as Promise<OutputReference>;
const load = async (outputs: ReturnType<typeof setup>, output: unknown) =>
  (await outputs.load('acme', new Map([['a', output]]), signal)).get('a');
async function failure(work: Promise<unknown>): Promise<[string, boolean]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StepError, String(error));
  return [error.code, error.retryable];
}

Deno.test('an output up to the limit stays, in bytes of UTF-8', async () => {
  const outputs = setup();
  for (const output of [null, 7, true, 'x'.repeat(LIMIT - 2), [1], { a: 'é'.repeat(400) }]) {
    assert.equal(await store(outputs, output), output);
  }
  assert.deepEqual([registered, seen], [[], []]);
  assert.equal((await store(outputs, 'x'.repeat(LIMIT - 1))).$stepbase, 'storage');
  assert.equal((await store(outputs, 'é'.repeat(LIMIT / 2))).size, LIMIT + 2);
});

Deno.test('a larger one is registered, written, and read back where its reference stands', async () => {
  const outputs = setup();
  const reference = await store(outputs, large);
  const text = JSON.stringify(large);
  assert.deepEqual(
    { ...reference, sha256: reference.sha256.length },
    {
      $stepbase: 'storage',
      bucket: 'stepbase-outputs',
      path: PATH,
      size: new TextEncoder().encode(text).byteLength,
      sha256: 64,
      content_type: 'application/json',
    },
  );
  assert.deepEqual([registered, objects.get(PATH)], [[reference.size], text]);
  const nested = { items: [1, { child: reference }], other: reference };
  assert.deepEqual(await load(outputs, nested), {
    items: [1, { child: large }],
    other: large,
  });
  assert.deepEqual(nested.other, reference);
  assert.equal(seen.filter((request) => request.startsWith('GET')).length, 1);
});

Deno.test('without a key or a limit every output stays', async () => {
  for (const options of [{ secretKey: undefined }, { limitBytes: 0 }]) {
    assert.equal(await store(setup(options), large), large);
  }
});

Deno.test('an output above the maximum fails, also without Storage', async () => {
  const huge = 'x'.repeat(MAX_OUTPUT_BYTES);
  for (const outputs of [setup(), setup({ secretKey: undefined })]) {
    assert.deepEqual(await failure(store(outputs, huge)), ['output_too_large', false]);
  }
  assert.deepEqual(registered, []);
});

Deno.test('an eagerly executed step is left to the normal way', async () => {
  const outputs = setup();
  const eager = { ...WORK, step_run_id: '' };
  assert.deepEqual(await failure(store(outputs, large, eager)), ['output_not_stored', true]);
  assert.deepEqual([registered, seen], [[], []]);
});

Deno.test('the bucket is created when it is missing', async () => {
  const outputs = setup();
  hasBucket = false;
  await store(outputs, large);
  assert.deepEqual(seen, [
    `POST object/stepbase-outputs/${PATH}`,
    'POST bucket',
    `POST object/stepbase-outputs/${PATH}`,
  ]);
});

Deno.test('a write is repeated, and then fails the attempt retryably', async () => {
  const outputs = setup();
  refusals = [503, 429];
  assert.equal((await store(outputs, large)).path, PATH);
  refusals = [503, 503, 503, 503];
  assert.deepEqual(await failure(store(outputs, large)), ['output_not_stored', true]);
  assert.deepEqual(refusals, []);
  refusals = [413];
  assert.deepEqual(await failure(store(outputs, large)), ['output_not_stored', true]);
});

Deno.test('an attempt without its lease writes nothing', async () => {
  const outputs = setup({ leaseLost: true });
  assert.deepEqual(await failure(store(outputs, large)), ['lease_lost', true]);
  assert.deepEqual(seen, []);
});

Deno.test('a reference to another application, or to no output, is a value like others', async () => {
  const outputs = setup();
  const reference = await store(outputs, large);
  for (const change of [
    { path: PATH.replace('acme', 'globex') },
    { path: `acme/../globex/${STEP}/3.json` },
    { path: `acme/${RUN}/x/3.json` },
    { bucket: 'reports' },
    { size: 0 },
    { sha256: null },
  ]) {
    const forged = { ...reference, ...change };
    assert.deepEqual(await load(outputs, { forged }), { forged });
  }
  assert.deepEqual(
    await outputs.load('acme-2', new Map([['a', reference]]), signal),
    new Map([['a', reference]]),
  );
});

Deno.test('an object that is missing, changed or longer fails the step', async () => {
  const outputs = setup();
  const reference = await store(outputs, large);
  objects.set(PATH, JSON.stringify({ ...large, n: '12345678901234567891' }));
  assert.deepEqual(await failure(load(outputs, reference)), ['output_not_readable', false]);
  objects.set(PATH, `${JSON.stringify(large)} `);
  assert.deepEqual(await failure(load(outputs, reference)), ['output_not_readable', false]);
  objects.delete(PATH);
  assert.deepEqual(await failure(load(outputs, reference)), ['output_not_readable', false]);
  refusals = [503, 503, 503, 503];
  assert.deepEqual(await failure(load(outputs, reference)), ['output_not_readable', true]);
});

Deno.test('outputs above the maximum together are not read', async () => {
  const outputs = setup();
  const reference = await store(outputs, large);
  const half = { ...reference, size: MAX_OUTPUT_BYTES / 2 + 1 };
  const both = [half, { ...half, path: PATH.replace('3.json', '4.json') }];
  seen.length = 0;
  assert.deepEqual(await failure(load(outputs, both)), ['output_too_large', false]);
  assert.deepEqual(seen, []);
});

Deno.test('objects of deleted runs are deleted, then forgotten', async () => {
  await store(setup(), large);
  const pages = [[PATH, 'acme/absent'], []];
  const forgotten: string[][] = [];
  const errors: unknown[] = [];
  const removal = new OutputRemoval({
    queries: {
      takeDeletable: () => Promise.resolve(pages.shift() ?? []),
      forget: (paths) => Promise.resolve(void forgotten.push([...paths])),
    },
    storage,
    acceptsWork: () => true,
    onIdle: () => undefined,
    onError: (_message, error) => errors.push(error),
  });
  removal.start();
  await removal.settled();
  assert.deepEqual([[...objects.keys()], forgotten, errors], [[], [[PATH, 'acme/absent']], []]);
  pages.push([PATH], []);
  refusals = [503];
  removal.start();
  await removal.settled();
  assert.deepEqual([forgotten.length, errors.length], [1, 1]);
});
