// Realtime drops most messages of the load, as a hosted project does above the rate of its plan: every page still ends
// with what the database holds, without a reload.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import { openPage, signIn } from '../../browser/support.ts';
import { node, type TestApp, testApp } from '../../engine/support.ts';
import { scaled } from '../../support/time.ts';

/** Messages in a second; the load sends at least ten times as many. */
const RATE = 1;
const RUNS = 6;
const STEPS = 6;
const POLL_MS = 20_000;

let stack: Stack;
let b: TestApp;
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((_request, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stack = await startThrowawayStack({ realtimeRate: RATE });
  b = await testApp(stack.info);
}, scaled(120_000));
afterAll(async () => {
  await stack?.stop();
  server.closeAllConnections();
  server.close();
});

/** A page whose clock can be moved; `received` counts its messages of runs. */
async function watch(path: string): Promise<{ page: Page; received: () => number }> {
  const page = await openPage('light', stack.info.web_url);
  let received = 0;
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      if (String(payload).includes('"seq_from"')) received += 1;
    }),
  );
  await page.clock.install();
  await page.reload();
  await signIn(page, 'developer@acme', path);
  return { page, received: () => received };
}

test('pages of runs and of the list end right', async () => {
  const ids = Array.from({ length: STEPS }, (_, n) => `s${n}`);
  const workflow = await b.publish(
    [
      node('go', 'wait_for_signal', { signal_name: 'go' }),
      ...ids.map((id) => node(id, 'http_request', { url })),
    ],
    ['go > s0', ...ids.slice(1).map((id, n) => `s${n} > ${id}`)],
  );
  const runs = await Promise.all(Array.from({ length: RUNS }, () => b.start(workflow)));
  for (const { id } of runs) await b.stepIs(id, 'go', 'waiting');
  const watched = await watch(`/runs/${runs[0]?.id}`);
  const list = await watch('/runs');
  await watched.page.locator('.step-node[data-step="go"][data-status="waiting"]').waitFor();
  await list.page.locator('[data-status="running"]').first().waitFor();

  const before = watched.received();
  for (const { id } of runs) {
    const sent = await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
    expect(sent.error).toBeNull();
  }
  for (const { id } of runs) await b.ended(id);
  const messages = await b.db.query<{ sent: number }>(
    `select count(*)::int as sent from realtime.messages m where m.topic = 'stepbase:run:' || $1 and m.payload ? 'seq_from'`,
    [runs[0]?.id],
  );
  expect(watched.received() - before).toBeLessThan((messages.rows[0]?.sent ?? 0) / 2);

  for (const { page } of [watched, list]) await page.clock.fastForward(POLL_MS + 1_000);
  await watched.page
    .locator('.run-facts [data-status="completed"]')
    .waitFor({ timeout: scaled(15_000) });
  const completed = watched.page.locator('.step-node[data-status="completed"]');
  await expect.poll(() => completed.count(), { timeout: scaled(15_000) }).toBe(STEPS + 1);
  const rows = list.page.locator('tr[data-run]', { hasText: workflow });
  const done = rows.locator('[data-status="completed"]');
  await expect.poll(() => done.count(), { timeout: scaled(15_000) }).toBe(RUNS);
});
