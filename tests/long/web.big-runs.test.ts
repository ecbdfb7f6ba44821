// The page of a run of 2,000 steps, the most that a definition may have, and of a for_each of 10,000 items stay usable:
// the graph fits, steps are found, and moving it draws frames. Prints the times.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { frameTimes, inWords } from '../browser/gates.ts';
import { openPage, signIn } from '../browser/support.ts';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { scaled } from '../support/time.ts';

const LANES = 40;
const LONG = 50;
const ITEMS = 10_000;

let b: TestApp;
const printed: string[] = [];
beforeAll(async () => {
  b = await testApp();
});
afterAll(() => {
  for (const line of printed) console.log(line);
});

const idOf = (lane: number, place: number) => `lane${lane}_${place}`;

test(`a run of ${LANES * LONG} steps`, { timeout: scaled(300_000) }, async () => {
  const ids = Array.from({ length: LANES * LONG }, (_, n) =>
    idOf(n % LANES, Math.floor(n / LANES)),
  );
  const lines = ids.flatMap((_, n) => (n < LANES ? [] : [`${ids[n - LANES]} > ${ids[n]}`]));
  const steps = ids.map((id) =>
    id === idOf(7, LONG - 1) ? value(id, '$error("the last of lane 7")') : value(id),
  );
  const workflow = await b.publish(steps, lines);
  const { id } = await b.start(workflow);
  await b.ended(id, 120_000);

  const page = await openPage();
  const began = Date.now();
  await signIn(page, 'developer@acme', `/runs/${id}`);
  await page
    .locator('[data-step]')
    .first()
    .waitFor({ timeout: scaled(60_000) });
  printed.push(`${ids.length} steps: sign-in to graph ${Date.now() - began} ms`);

  // Everything fits: the outermost steps are inside of the canvas.
  await expect
    .poll(() => page.locator('[data-step]').count(), { timeout: scaled(30_000) })
    .toBe(ids.length);
  const canvas = await page.getByRole('region', { name: 'Graph of the run' }).boundingBox();
  for (const step of [idOf(0, 0), idOf(LANES - 1, LONG - 1)]) {
    const box = await page.locator(`[data-step="${step}"]`).boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(canvas?.x ?? 0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(
      (canvas?.x ?? 0) + (canvas?.width ?? 0),
    );
  }
  await page.locator('.react-flow__minimap').waitFor();

  const [x, y] = [(canvas?.x ?? 0) + 300, (canvas?.y ?? 0) + 60];
  const frames = await frameTimes(page, async () => {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let n = 0; n < 60; n += 1) await page.mouse.move(x + n * 3, y + n);
    await page.mouse.up();
  });
  printed.push(`${ids.length} steps, moving the whole graph: ${inWords(frames)}`);

  const found = Date.now();
  await page.getByRole('combobox', { name: 'Find a step' }).fill(idOf(12, 33));
  await page.getByRole('option', { name: idOf(12, 33) }).click();
  await page.getByRole('region', { name: `Step ${idOf(12, 33)}` }).waitFor();
  printed.push(`${ids.length} steps: a step found and opened in ${Date.now() - found} ms`);
  await page.keyboard.press('Escape');

  await page.getByText('Failed only', { exact: true }).click();
  const shown = (steps: number) =>
    expect.poll(() => page.locator('[data-step]').count(), { timeout: scaled(10_000) }).toBe(steps);
  await shown(2);
  await page.getByText('Fold chains', { exact: true }).click();
  await shown(LANES);
  const lines2 = page.getByRole('region', { name: 'Timeline' }).getByRole('button');
  expect(await lines2.count()).toBeLessThan(80);
});

test(`a for_each of ${ITEMS} items`, { timeout: scaled(300_000) }, async () => {
  const workflow = await b.publish([
    node(
      'each',
      'for_each',
      {
        items: `{{ [1..${ITEMS}] }}`,
        concurrency: 1_000,
        step: {
          type: 'transform',
          config: { expression: 'index % 2500 = 777 ? $error("bad") : 1' },
        },
      },
      { on_error: 'continue' },
    ),
  ]);
  const { id } = await b.start(workflow);
  await b.ended(id, 200_000);
  const page = await openPage('dark');
  await signIn(page, 'developer@acme', `/runs/${id}?step=each`);
  const panel = page.getByRole('region', { name: 'Step each' });
  const began = Date.now();
  await panel.locator('[data-item="0"]').waitFor({ timeout: scaled(30_000) });
  printed.push(`${ITEMS} items: first items ${Date.now() - began} ms after the panel`);
  const opened = Date.now();
  await panel.getByText('failed 4', { exact: true }).click();
  await expect
    .poll(() => panel.locator('[data-item]').count(), { timeout: scaled(30_000) })
    .toBe(4);
  printed.push(`${ITEMS} items: the failed ones ${Date.now() - opened} ms after the click`);
  await panel.locator('[data-item="777"]').waitFor();
});
