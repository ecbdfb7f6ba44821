// Invocations with tiny budgets: each stops in time and hands its branches back, and a large run completes
// over many of them with nothing lost and nothing done twice.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ground, layGround } from '../../scripts/chaos/ground.ts';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { type Shop, startShop } from '../../scripts/world/shop.ts';
import { type Bench, bench, node, value } from './support.ts';

const WALL_MS = 120;
const MOST_INVOCATIONS = 400;
/** functions/worker/execute.ts fails an attempt that as many workers were lost with. */
const MAX_CLAIMS = 5;

let ground: Ground;
let shop: Shop;
let b: Bench;
let secretKey: string;

beforeAll(async () => {
  shop = await startShop();
  ground = await layGround({
    workers: 1,
    leaseSeconds: 30,
    env: {
      STEPBASE_WORKER_MODE: 'invocation',
      STEPBASE_DB_DIRECT: 'false',
      STEPBASE_BUDGET_WALL_MS: String(WALL_MS),
      STEPBASE_BUDGET_CPU_MS: '100',
      STEPBASE_CONCURRENCY: '8',
    },
  });
  b = await bench(ground.info);
  secretKey = (await loadKeys(ground.info.data_dir)).secretKey;
});
afterAll(async () => {
  await ground?.stop();
  await shop?.stop();
});

async function invoke(): Promise<{ steps: number; more: boolean }> {
  const [member] = ground.fleet.members;
  const response = await fetch(`http://127.0.0.1:${member?.port}/worker`, {
    method: 'POST',
    headers: { apikey: secretKey },
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { steps: number; more: boolean };
}

test('a large run completes over many invocations, each within its budget', async () => {
  const slow = Array.from({ length: 60 }, (_, i) => `s${i}`);
  const quick = Array.from({ length: 240 }, (_, i) => `q${i}`);
  const workflow = await b.publish(
    [
      value('root', '1'),
      ...slow.map((id) => node(id, 'http_request', { url: `${shop.url}/slow?ms=40` })),
      ...quick.map((id, i) => value(id, `${i}`)),
      value('sum', `$sum([${quick.map((id) => `steps.${id}.output`).join(',')}])`),
    ],
    [
      ...slow.flatMap((id) => [`root > ${id}`, `${id} > sum`]),
      ...quick.flatMap((id) => [`root > ${id}`, `${id} > sum`]),
    ],
  );
  const { id } = await b.start(workflow);
  let invocations = 0;
  let more = true;
  while (more && invocations < MOST_INVOCATIONS) {
    invocations += 1;
    ({ more } = await invoke());
  }
  expect(more).toBe(false);
  expect(invocations).toBeGreaterThan(1);
  const { run, all } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { sum: (239 * 240) / 2 } });
  expect(all.every(({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(true);
  // Nobody holds anything: there is nothing left for the next one.
  expect(await invoke()).toEqual({ steps: 0, more: false });
}, 90_000);

test('a step that is handed back more often than workers may be lost is not taken for a lost one', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    if (asked > MAX_CLAIMS + 2) response.end('done');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { id } = await b.start(
      await b.publish([node('long', 'http_request', { url: `http://127.0.0.1:${port}/` })]),
    );
    for (let more = true; more && asked < 2 * MAX_CLAIMS; ) ({ more } = await invoke());
    const { run, step } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(step('long')).toMatchObject({ attempt: 1, status: 'completed' });
    expect(asked).toBe(MAX_CLAIMS + 3);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}, 60_000);
