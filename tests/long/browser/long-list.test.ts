// The list of 100,000 runs: scrolling reads pages by keyset and stays smooth. Prints the times of the frames.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { frameTimes, inWords, settled } from '../../browser/gates.ts';
import { openPage, signIn } from '../../browser/support.ts';
import { node, testApp } from '../../engine/support.ts';
import { seedUser } from '../../support/stack.ts';
import { scaled } from '../../support/time.ts';

const RUNS = 100_000;
const LOADED = 3_000;

test(`a list of ${RUNS} runs`, { timeout: scaled(600_000) }, async () => {
  const b = await testApp();
  const workflow = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
  const mark = randomUUID();
  // As ended runs, without the messages and statistics that triggers would write.
  const client = await b.db.connect();
  try {
    await client.query('begin');
    await client.query('alter table stepbase.runs disable trigger user');
    await client.query(
      `insert into stepbase.runs (
         app_code, workflow_id, workflow_version_id, status, idempotency_key, input, steps_total, created_by, start_at,
         created_at, started_at, completed_at, deadline_at, event_seq, context_version
       )
       select w.app_code, w.id, w.published_version_id,
         case when n % 20 = 0 then 'failed' else 'completed' end, $2 || n, jsonb_build_object('order_id', n), 1, $3, null,
         now() - n * interval '1 s', now() - n * interval '1 s', now() - n * interval '1 s' + interval '900 ms',
         now() + interval '1 hour', 3, 1
       from stepbase.workflows w, generate_series(1, $4::int) n
       where w.kebab_name = $1`,
      [workflow, mark, seedUser('developer@acme').id, RUNS],
    );
    await client.query('alter table stepbase.runs enable trigger user');
    await client.query('commit');
    await client.query('analyze stepbase.runs');
  } finally {
    client.release();
  }

  const page = await openPage();
  const began = Date.now();
  await signIn(page, 'developer@acme', `/runs?workflow=${workflow}`);
  await settled(page);
  await page.locator('tr[data-run]').first().waitFor();
  console.log(`${RUNS} runs: sign-in to list ${Date.now() - began} ms`);

  const requests: number[] = [];
  page.on('requestfinished', (request) => {
    if (request.url().includes('search_runs')) requests.push(request.timing().responseEnd);
  });
  const lastIndex = () =>
    page.locator('tr[data-run]').last().getAttribute('data-index').then(Number);
  await page.mouse.move(700, 500);
  const frames = await frameTimes(page, async () => {
    for (let n = 0; n < 4_000 && (await lastIndex()) < LOADED; n += 1) {
      await page.mouse.wheel(0, 700);
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
  });
  expect(await lastIndex()).toBeGreaterThanOrEqual(LOADED);
  // Only the rows near the window are in the document.
  expect(await page.locator('tr[data-run]').count()).toBeLessThan(80);
  requests.sort((one, other) => one - other);
  console.log(`${RUNS} runs, scrolling over ${LOADED} rows: ${inWords(frames)}`);
  console.log(
    `${RUNS} runs: ${requests.length} pages read, median ${Math.round(requests[Math.floor(requests.length / 2)] ?? 0)} ms`,
  );
  const keys = await page
    .locator('tr[data-run]')
    .evaluateAll((all) => all.map(({ dataset }) => (dataset as { run?: string }).run));
  expect(new Set(keys).size).toBe(keys.length);

  await b.db.query('delete from stepbase.runs where idempotency_key like $1', [`${mark}%`]);
});
