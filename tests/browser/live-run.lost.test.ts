// Messages that do not arrive: Realtime drops most of them, as a hosted project does above the rate of its plan, or the
// socket is cut and refused for a while, or the server is gone. The page shows that, ends with the rows of the database, and
// does not move.

import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';
import { settled, watchShifts } from './gates.ts';
import { openPage, signIn } from './support.ts';

const STEPS = 6;
const POLL_MS = 20_000;
/** The limit of a good page of the Layout Instability API is 0.1. */
const SHIFT = 0.02;

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function waitingRun(): Promise<{ id: string; workflow: string }> {
  const ids = Array.from({ length: STEPS }, (_, n) => `s${n}`);
  const workflow = await b.publish(
    [node('go', 'wait_for_signal', { signal_name: 'go' }), ...ids.map((id) => value(id))],
    ['go > s0', ...ids.slice(1).map((id, n) => `s${n} > ${id}`)],
  );
  const { id } = await b.start(workflow);
  await b.stepIs(id, 'go', 'waiting');
  return { id, workflow };
}

async function send(runId: string): Promise<void> {
  const sent = await b.developer.rpc('send_signal', { run_id: runId, signal_name: 'go' });
  expect(sent.error).toBeNull();
}

/** What the page receives passes `isLost`, and the socket closes while `isCut`. */
interface Wire {
  isCut: boolean;
  isLost(message: string): boolean;
  lost: number;
  cut(): void;
}

async function wired(page: Page): Promise<Wire> {
  const open = new Set<() => void>();
  const wire: Wire = {
    isCut: false,
    isLost: () => false,
    lost: 0,
    cut() {
      wire.isCut = true;
      for (const close of open) close();
    },
  };
  await page.routeWebSocket(/realtime/, (socket) => {
    if (wire.isCut) {
      void socket.close({ code: 4_000 });
      return;
    }
    const server = socket.connectToServer();
    open.add(() => void socket.close({ code: 4_000 }));
    server.onMessage((message) => {
      if (wire.isLost(String(message))) wire.lost += 1;
      else socket.send(message);
    });
  });
  return wire;
}

const runIs = (page: Page, status: string) =>
  page.locator(`.run-facts [data-status="${status}"]`).waitFor({ timeout: scaled(15_000) });

test('pages whose messages are dropped end right', async () => {
  const { id, workflow } = await waitingRun();
  const open = async (path: string) => {
    const page = await openPage();
    const wire = await wired(page);
    await page.clock.install();
    await signIn(page, 'developer@acme', path);
    return { page, wire };
  };
  const [run, list] = await Promise.all([open(`/runs/${id}`), open(`/runs?workflow=${workflow}`)]);
  await run.page.locator('.step-node[data-step="go"][data-status="waiting"]').waitFor();
  await list.page.locator(`tr[data-run="${id}"] [data-status="running"]`).waitFor();
  for (const { wire } of [run, list]) wire.isLost = (message) => message.includes('"broadcast"');
  await send(id);
  await b.ended(id);
  await expect.poll(() => run.wire.lost).toBeGreaterThan(0);
  expect(await run.page.locator('.run-facts [data-status="completed"]').count()).toBe(0);
  for (const { page } of [run, list]) await page.clock.fastForward(POLL_MS + 1_000);
  await runIs(run.page, 'completed');
  const completed = run.page.locator('.step-node[data-status="completed"]');
  await expect.poll(() => completed.count()).toBe(STEPS + 1);
  await list.page.locator(`tr[data-run="${id}"] [data-status="completed"]`).waitFor();
});

test('a page whose socket is cut shows it, reads what it missed, and does not move', async () => {
  const { id } = await waitingRun();
  const page = await openPage('dark');
  const wire = await wired(page);
  await signIn(page, 'developer@acme', `/runs/${id}`);
  await page.locator('[data-live="true"]').waitFor();
  await settled(page);
  await page.locator('.step-node[data-step="go"][data-status="waiting"]').waitFor();
  await page.getByText('Why it waits').waitFor();
  const shifts = await watchShifts(page);
  wire.cut();
  await page.locator('[data-live="false"]').getByText('connecting').waitFor();
  await send(id);
  await b.ended(id);
  wire.isCut = false;
  // supabase-js connects again by itself.
  await runIs(page, 'completed');
  await expect
    .poll(() => page.locator('.step-node[data-status="completed"]').count())
    .toBe(STEPS + 1);
  await expect
    .poll(() => page.getByTestId('announcer').textContent())
    .toContain('The run is completed');
  expect(await shifts()).toBeLessThan(SHIFT);
});

test('a run that could not be read is read when the server answers again', async () => {
  const { id } = await waitingRun();
  const page = await openPage();
  let isDown = true;
  let refused = 0;
  await page.route('**/rest/v1/runs?*', async (route) => {
    if (!isDown) return await route.continue();
    refused += 1;
    await route.fulfill({ status: 500, body: '' });
  });
  await signIn(page, 'developer@acme', `/runs/${id}`);
  const again = page.getByRole('alert').getByRole('button', { name: 'Try again' });
  await again.waitFor();
  // It reads at once, when it has joined its channel, and from then on by itself.
  await expect.poll(() => refused, { timeout: scaled(20_000) }).toBeGreaterThan(3);
  isDown = false;
  await page.locator('.step-node[data-step="go"][data-status="waiting"]').waitFor();
  expect(await again.count()).toBe(0);
});
