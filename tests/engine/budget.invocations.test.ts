// Invocations with tiny budgets: each ends at its limit and releases its branches. A large run completes over many
// invocations; no step is lost or executed twice.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { scaled } from '../support/time.ts';
import { node, type Run, type TestApp, testApp, value } from './support.ts';

const LIMIT_90_S = scaled(90_000);

const MOST_INVOCATIONS = 400;
/** functions/worker/executor.ts fails an attempt after this many lost workers. */
const MAX_CLAIMS = 5;
const WALL_MS = scaled(250);
const CONCURRENCY = 8;
/** The requests of the chain follow each other, so together they need 3.2 invocations at least, at any speed. */
const CHAIN_STEPS = 8;
const SLOW_MS = Math.ceil(0.4 * WALL_MS);
const SLOW_STEPS = 100;
/** More than the whole run needs. */
const AMPLE_MS = '600000';

interface Invocation {
  steps: number;
  more: boolean;
  spent: 'wall' | 'cpu' | 'steps' | null;
}

describe.each([
  ['wall', { STEPBASE_BUDGET_WALL_MS: `${WALL_MS}`, STEPBASE_BUDGET_CPU_MS: AMPLE_MS }],
  ['cpu', { STEPBASE_BUDGET_WALL_MS: AMPLE_MS, STEPBASE_BUDGET_CPU_MS: '25' }],
] as const)('invocations that end at their limit of %s time', (limit, budget) => {
  let environment: ChaosEnvironment;
  let shop: Shop;
  let b: TestApp;
  let secretKey: string;

  beforeAll(async () => {
    shop = await startShop();
    environment = await createChaosEnvironment({
      workers: 1,
      leaseSeconds: 30,
      env: {
        STEPBASE_WORKER_MODE: 'invocation',
        STEPBASE_DB_DIRECT: 'false',
        STEPBASE_CONCURRENCY: `${CONCURRENCY}`,
        ...budget,
      },
    });
    b = await testApp(environment.info);
    secretKey = (await loadKeys(environment.info.data_dir)).secretKey;
  });
  afterAll(async () => {
    await environment?.stop();
    await shop?.stop();
  });

  async function invoke(): Promise<Invocation> {
    const [member] = environment.fleet.members;
    const response = await fetch(`http://127.0.0.1:${member?.port}/stepbase-worker`, {
      method: 'POST',
      headers: { apikey: secretKey },
      signal: AbortSignal.timeout(30_000),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Invocation;
  }

  /** Tokens that a worker has taken and not released. */
  async function heldTokens(): Promise<number> {
    const { rows } = await b.db.query<{ held: number }>(
      "select count(*)::int as held from stepbase_queue.job where name = 'steps' and state = 'active'",
    );
    return rows[0]?.held ?? 0;
  }

  /** Starts a run with steps that call the shop (a chain, and others side by side), steps that only compute, and a join. */
  async function startLargeRun(): Promise<Run> {
    const chain = Array.from({ length: CHAIN_STEPS }, (_, i) => `c${i}`);
    const slow = Array.from({ length: SLOW_STEPS }, (_, i) => `s${i}`);
    const quick = Array.from({ length: 100 }, (_, i) => `q${i}`);
    const all = [...slow, ...quick];
    const links = ['root', ...chain, 'sum'];
    const workflow = await b.publish(
      [
        value('root', '1'),
        ...[...chain, ...slow].map((id) =>
          node(id, 'http_request', { url: `${shop.url}/slow?ms=${SLOW_MS}` }),
        ),
        ...quick.map((id, i) => value(id, `${i}`)),
        value('sum', `$sum([${quick.map((id) => `steps.${id}.output`).join(',')}])`),
      ],
      [
        ...links.slice(1).map((id, i) => `${links[i]} > ${id}`),
        ...all.flatMap((id) => [`root > ${id}`, `${id} > sum`]),
      ],
    );
    return await b.start(workflow);
  }

  test('a large run completes over many invocations', { timeout: LIMIT_90_S }, async () => {
    const { id } = await startLargeRun();
    const invocations: Invocation[] = [];
    do invocations.push(await invoke());
    while (invocations.at(-1)?.more && invocations.length < MOST_INVOCATIONS);
    const last = invocations.pop();
    expect(last).toMatchObject({ more: false, spent: null });
    // Every invocation that left work had reached this limit, and no other.
    expect(invocations.length).toBeGreaterThan(1);
    const limits = new Set(invocations.map(({ spent }) => spent));
    // An invocation also reports more work if a wake-up arrives while it responds.
    limits.delete(null);
    expect(limits).toEqual(new Set([limit]));

    const { run, all } = await b.ended(id);
    expect(run.error).toBeNull();
    expect(run).toMatchObject({ status: 'completed', output: { sum: (99 * 100) / 2 } });
    expect(all.every(({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(true);
    // No token is leased, so there is no work for the next invocation.
    expect(await invoke()).toEqual({ steps: 0, more: false, spent: null });
    expect(await heldTokens()).toBe(0);
  });

  // A step that waits for a response uses no CPU time.
  if (limit === 'cpu') return;
  test('releases of a step do not count as lost workers, even if there are more of them than MAX_CLAIMS', async () => {
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
  });
});
