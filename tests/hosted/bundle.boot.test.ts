// The files that a deploy uploads: their sizes and imports, their boot on the hosted version of Deno, and runs that
// start without a cron job.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bundle, bundle, MAX_BYTES } from '../../scripts/bundle.ts';
import { hostedDeno } from '../../scripts/deno-hosted.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { type EdgeFunction, type PgNet, startEdgeFunction, startPgNet } from './support.ts';

const BOOT_LIMIT_MS = scaled(3_000);

const folder = mkdtempSync(join(tmpdir(), 'stepbase-bundle-'));
let bundles: Bundle[];
beforeAll(async () => {
  bundles = await bundle(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (name: string) => bundles.find((one) => one.name === name)?.file ?? '';

test('each function is one file of at most 4 MB, which imports only modules of Node', () => {
  expect(bundles.map(({ name }) => name).sort()).toEqual(['stepbase-api', 'stepbase-worker']);
  for (const { name, file, bytes } of bundles) {
    console.log(`${name}: ${(bytes / 1e6).toFixed(2)} MB`);
    expect(bytes, name).toBeLessThanOrEqual(MAX_BYTES);
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(/(?:^|[;}])(?:import|export)[^;'"()]*?from"([^"]+)"/g)];
    expect(imports.length).toBeGreaterThan(5);
    for (const [, from] of imports) expect(from, name).toMatch(/^node:/);
    expect(text).not.toContain(ROOT);
  }
});

// Where the hosted version does not exist, nothing can be run on it.
describe.runIf(hostedDeno() !== undefined)('on the hosted version of Deno', () => {
  let stack: Stack;
  let b: TestApp;
  let worker: EdgeFunction;
  let net: PgNet;
  let slow: Server;
  const program = hostedDeno() ?? '';

  beforeAll(async () => {
    stack = await startThrowawayStack({ web: false, functions: false });
    b = await testApp(stack.info);
    worker = await startEdgeFunction({
      program,
      name: 'stepbase-worker',
      file: fileOf('stepbase-worker'),
      info: stack.info,
      env: { STEPBASE_BUDGET_STEPS: '30' },
    });
    await b.db.query('select vault.create_secret($1, $2), vault.create_secret($3, $4)', [
      stack.info.api_url,
      'stepbase_url',
      stack.info.secret_key,
      'stepbase_secret_key',
    ]);
    net = await startPgNet(b.db, worker.url);
    slow = createServer((_, response) => {
      setTimeout(() => response.end('{}'), scaled(4_000));
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await net?.stop();
    await worker?.stop();
    slow?.closeAllConnections();
    slow?.close();
    await stack?.stop();
  });

  async function secondsToFirstStep(runId: string): Promise<number> {
    const { rows } = await b.db.query<{ seconds: number }>(
      `select extract(epoch from min(s.started_at) - r.created_at)::float8 as seconds
       from stepbase.runs r join stepbase.step_runs s on s.run_id = r.id where r.id = $1 group by r.id`,
      [runId],
    );
    return rows[0]?.seconds ?? Number.POSITIVE_INFINITY;
  }

  /** No invocation runs, and none was called within the last second. */
  async function isQuiet(): Promise<void> {
    await waitFor('no invocation runs', async () => {
      const { rows } = await b.db.query<{ quiet: boolean }>(
        `select not stepbase_engine.is_worker_alive() and not stepbase_engine.has_pending_work()
           and c.called_at < now() - interval '2 seconds' as quiet
         from stepbase_engine.worker_calls c`,
      );
      return rows[0]?.quiet;
    });
  }

  test('both functions boot', async () => {
    const api = await startEdgeFunction({
      program,
      name: 'stepbase-api',
      file: fileOf('stepbase-api'),
      info: stack.info,
    });
    try {
      console.log(`boot: api ${Math.round(api.bootMs)} ms, worker ${Math.round(worker.bootMs)} ms`);
      expect(api.bootMs).toBeLessThan(BOOT_LIMIT_MS);
      expect(worker.bootMs).toBeLessThan(BOOT_LIMIT_MS);
    } finally {
      await api.stop();
    }
  });

  test('the first step of a run starts within a second, without a cron job', async () => {
    const workflow = await b.publish([value('a'), value('b', 'steps.a.output + 1')], ['a > b']);
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await isQuiet();
      const { id } = await b.start(workflow);
      expect((await b.ended(id)).run.status).toBe('completed');
      times.push(await secondsToFirstStep(id));
    }
    console.log(`seconds to the first step: ${times.map((time) => time.toFixed(2)).join(', ')}`);
    for (const time of times) expect(time).toBeLessThan(scaled(1_000) / 1_000);
  });

  test('the worker responds before it works, and nothing calls it meanwhile', async () => {
    await isQuiet();
    const { port } = slow.address() as AddressInfo;
    const long = await b.start(
      await b.publish([node('wait', 'http_request', { url: `http://127.0.0.1:${port}/` })]),
    );
    await b.stepIs(long.id, 'wait', 'running');
    await waitFor('the invocation has written a heartbeat', async () => {
      const { rows } = await b.db.query<{ alive: boolean }>(
        'select stepbase_engine.is_worker_alive() as alive',
      );
      return rows[0]?.alive;
    });
    const calls = net.sent.length;
    const quick = await b.start(await b.publish([value('a')]));
    await b.ended(quick.id);
    // It was found by the invocation that waits for the slow step.
    expect(net.sent.length).toBe(calls);
    expect(await secondsToFirstStep(quick.id)).toBeLessThan(scaled(2_000) / 1_000);
    await b.ended(long.id);
    for (const { status, ms } of net.sent) {
      expect(status).toBe(202);
      expect(ms).toBeLessThan(scaled(1_000));
    }
  });

  test('runs that start in a burst make few calls, and none is left', async () => {
    await isQuiet();
    const before = net.sent.length;
    const workflow = await b.publish([value('a')]);
    const began = performance.now();
    const runs = await Promise.all(Array.from({ length: 12 }, () => b.start(workflow)));
    for (const { id } of runs) await b.ended(id);
    // At most one call a second while no invocation has written its heartbeat.
    const seconds = (performance.now() - began) / 1_000;
    expect(net.sent.length - before).toBeLessThanOrEqual(Math.min(1 + seconds, runs.length / 2));
  });

  test('without a CPU clock, invocations end by the number of steps and lose nothing', async () => {
    await isQuiet();
    const ids = Array.from({ length: 80 }, (_, i) => `s${i}`);
    const { id } = await b.start(
      await b.publish(
        [value('root'), ...ids.map((step) => value(step))],
        ids.map((step) => `root > ${step}`),
      ),
    );
    // As the cron job does.
    const cron = setInterval(() => {
      b.db.query('select stepbase_engine.wake_worker()').catch(() => undefined);
    }, 500);
    try {
      const { run, all } = await b.ended(id, 40_000);
      expect(run.status).toBe('completed');
      expect(all.every(({ attempt }) => attempt === 1)).toBe(true);
    } finally {
      clearInterval(cron);
    }
    expect(worker.log.filter((line) => line.includes('does not report CPU time'))).toHaveLength(1);
  });
});
