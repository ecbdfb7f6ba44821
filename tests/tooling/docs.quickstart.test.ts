// The quickstart works as written: its input, its failure, its shop, its redrive and its result.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import type { Json } from '../../types/database.ts';
import { type TestApp, testApp } from '../engine/support.ts';
import { waitFor } from '../support/stack.ts';
import { blocks, read } from './docs-pages.ts';

const PORT_OF_THE_PAGE = /\b4000\b/g;

let b: TestApp;
let port: number;
let shop: ChildProcess | undefined;
beforeAll(async () => {
  [b, port] = await Promise.all([testApp(), findFreePorts()]);
});
afterAll(() => shop?.kill());

const here = (text: string) => text.replaceAll(PORT_OF_THE_PAGE, String(port));
const page = read('docs/quickstart.md');
const [input = '', error = '', result = ''] = blocks(page, 'json');
const [failure = '', task = ''] = blocks(page, 'text').slice(1);
const [, script = ''] = /^node -e '\n([\s\S]*?)^'$/m.exec(page) ?? [];

function startShop(): string[] {
  const lines: string[] = [];
  shop = spawn(process.execPath, ['-e', here(script)], { stdio: ['ignore', 'pipe', 'inherit'] });
  shop.stdout?.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
  return lines;
}

it('the run of the quickstart fails, is redriven, approved and completed', async () => {
  const { id } = await b.start('refund-approval', JSON.parse(here(input)) as Json);
  const failed = await b.ended(id);
  expect(failed.run).toMatchObject({
    status: 'failed',
    error: { message: here(failure).trim(), step_id: 'fetch_order' },
  });
  expect(failed.step('fetch_order').error).toEqual(JSON.parse(here(error)));

  const calls = startShop();
  await waitFor('the shop answers', () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ),
  );
  const { data } = await b.admin.rpc('redrive', { run_ids: [id] });
  const redriven = (data as { id: string }[])[0]?.id ?? '';
  const waiting = await b.stepIs(redriven, 'approve_refund', 'waiting');
  const { title, description } = waiting.task as { title: string; description: string };
  expect(`${title}\n${description}`).toBe(task.trim());
  expect(calls).toContain('GET /orders/1001');

  await b.admin.rpc('decide_approval', { step_run_id: waiting.id, approved: true });
  const { run, step } = await b.ended(redriven);
  expect(run.status).toBe('completed');
  expect(step('compute_refund').output).toEqual(JSON.parse(result));
  await waitFor('billing is notified', () => calls.includes('POST /refunds'));
});
