// The quality gates of every page of the web client: no violation that axe-core finds, no scrolling sideways, in both
// themes and in wide and narrow windows; a title, one main heading and a help link; no movement while the page is live;
// and how much JavaScript a page loads.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { scaled } from '../support/time.ts';
import { openAppPage } from './support.ts';

export const WIDTHS = [1440, 390] as const;

const axe = readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** Parts that are not ours, with the reason. */
const FOREIGN: readonly { selector: string; reason: string }[] = [
  { selector: '.swagger-ui', reason: 'Swagger UI: the markup of its operations is fixed' },
  { selector: '.react-flow__attribution', reason: 'React Flow: the license asks for its link' },
];

/** The rows of a list have the same columns: axe-core reads the first of them, because its time grows with the page. */
const FURTHER_ROWS = 'tbody tr:nth-child(n + 12)';

/** What a theme changes. The other rules depend on the markup and the width, and a page has the same in both themes. */
const COLOR_RULES = ['color-contrast', 'link-in-text-block'];

/** Waits until no part of the page shows a skeleton. */
export async function settled(page: Page): Promise<void> {
  await page
    .getByRole('heading', { level: 1 })
    .first()
    .waitFor({ timeout: scaled(20_000) });
  await expect
    .poll(() => page.getByRole('status', { name: 'Loading' }).count(), { timeout: scaled(20_000) })
    .toBe(0);
}

/** What axe-core finds in the page as it is, or in a part of it, one line for each rule; or only by some rules. */
export async function violations(
  page: Page,
  part?: string,
  only?: readonly string[],
): Promise<string[]> {
  // It stays until the window loads another document. The Content-Security-Policy does not apply to the debugger.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await axe);
  const found = await page.evaluate(
    async ({ exclude, include, runOnly }) => {
      const { axe: loaded } = window as unknown as {
        axe: { run(context: object, options: object): Promise<AxeResults> };
      };
      const { violations: all } = await loaded.run(
        { exclude, ...(include === undefined ? {} : { include }) },
        {
          resultTypes: ['violations'],
          ...(runOnly === undefined
            ? { rules: { 'scrollable-region-focusable': { enabled: true } } }
            : { runOnly }),
        },
      );
      return all.map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes
          .slice(0, 4)
          .map(({ html, failureSummary = '' }) => [
            html.slice(0, 160),
            failureSummary.replaceAll(/\s+/g, ' ').slice(0, 200),
          ]),
      }));
    },
    {
      exclude: [...FOREIGN.map(({ selector }) => selector), FURTHER_ROWS].map((each) => [each]),
      include: part,
      runOnly: only,
    },
  );
  return found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.flat().join(' | ')}`);
}

type Theme = 'light' | 'dark';

/** One combination of width and theme; without a theme, the present one. */
export interface Look {
  width: number;
  theme?: Theme;
}

/** Both widths in the present theme. */
const BOTH_WIDTHS: readonly Look[] = WIDTHS.map((width) => ({ width }));

/** All combinations of a page whose theme is that of the system. */
export const ALL_LOOKS: readonly Look[] = (['light', 'dark'] as const).flatMap((theme) =>
  WIDTHS.map((width) => ({ width, theme })),
);

/** Both widths and both themes, in half of their combinations: for what lies above a page that was seen in all. */
export const TWO_LOOKS: readonly Look[] = [
  { width: WIDTHS[0], theme: 'light' },
  { width: WIDTHS[1], theme: 'dark' },
];

/** The faults of the page as it is, or of a part of it, in both widths or in other looks. */
export async function faults(
  page: Page,
  what: string,
  looks: readonly Look[] = BOTH_WIDTHS,
  part?: string,
): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<number>();
  for (const { width, theme } of looks) {
    const where = [what, 'at', width, theme].filter(Boolean).join(' ');
    await page.setViewportSize({ width, height: 900 });
    if (theme) {
      await page.emulateMedia({ colorScheme: theme });
      await page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor();
      // Some colors are drawn in the frame after the next one, and some change over several frames.
      await page.evaluate(async () => {
        await new Promise((resolve) => {
          requestAnimationFrame(() => requestAnimationFrame(resolve));
        });
        for (const each of document.getAnimations())
          if (each instanceof CSSTransition) each.finish();
      });
    }
    // The navigation moves out of a window that becomes narrow.
    const fits = page.waitForFunction(
      (most) => document.documentElement.scrollWidth <= most,
      width,
      { timeout: scaled(2_000) },
    );
    await fits.catch(async () => {
      const scrolled = await page.evaluate(() => document.documentElement.scrollWidth);
      found.push(`${where}: is ${scrolled} px wide`);
    });
    const only = seen.has(width) ? COLOR_RULES : undefined;
    for (const line of await violations(page, part, only)) found.push(`${where}: ${line}`);
    seen.add(width);
  }
  return found;
}

/** What the head of the page lacks: one main heading, the same in the title of the window, and a help link. */
export async function headFaults(page: Page, what: string): Promise<string[]> {
  const found: string[] = [];
  const headings = page.getByRole('heading', { level: 1 });
  if ((await headings.count()) !== 1)
    found.push(`${what}: has ${await headings.count()} main headings`);
  const heading = await headings.first().textContent();
  const title = await page.title();
  if (!title.includes(`${heading} · `)) found.push(`${what}: the title is ${title}`);
  if ((await page.getByRole('link', { name: `Help: ${heading}` }).count()) !== 1) {
    found.push(`${what}: has no help link`);
  }
  return found;
}

/** Opens pages of the active application one after the other and returns all their faults. */
export async function pageFaults(
  page: Page,
  paths: readonly string[],
  looks: readonly Look[] = BOTH_WIDTHS,
): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    await page.setViewportSize({ width: WIDTHS[0], height: 900 });
    await openAppPage(page, path);
    await settled(page);
    found.push(...(await headFaults(page, path)), ...(await faults(page, path, looks)));
  }
  return found;
}

/** The times between the frames that the page draws during `work`, in milliseconds, sorted. */
export async function frameTimes(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.evaluate(() => {
    const times: number[] = [];
    let last = performance.now();
    const tick = (now: number) => {
      times.push(now - last);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    Object.assign(window, { frameTimes: times });
  });
  await work();
  const times = await page.evaluate(() =>
    (window as unknown as { frameTimes: number[] }).frameTimes.slice(1),
  );
  return times.sort((one, other) => one - other);
}

/** The median, the 95th percentile and the longest of sorted times, in words. */
export function inWords(times: readonly number[]): string {
  const part = (share: number) => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(0);
  return `frame p50 ${part(0.5)} ms, p95 ${part(0.95)} ms, most ${part(1)} ms, ${times.length} frames`;
}

/** Counts how far parts of the page move, as the Layout Instability API does; moves after a click do not count. */
export async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const shifts = window as unknown as { shifted: number };
    shifts.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = entry as PerformanceEntry & {
          value: number;
          hadRecentInput: boolean;
        };
        if (!hadRecentInput) shifts.shifted += value;
      }
    }).observe({ type: 'layout-shift' });
  });
  return () => page.evaluate(() => (window as unknown as { shifted: number }).shifted);
}

export interface LoadedScripts {
  /** The names of the files. */
  files: Set<string>;
  /** The sum of their sizes in bytes, compressed with gzip. */
  bytes: number;
}

/**
 * The scripts that `work` makes the page load. They are read afterwards, because the browser drops the bodies of a page
 * that it leaves.
 */
export async function scriptsOf(page: Page, work: () => Promise<void>): Promise<LoadedScripts> {
  const urls = new Set<string>();
  const listener = (response: Awaited<ReturnType<Page['waitForResponse']>>) => {
    if (new URL(response.url()).pathname.endsWith('.js')) urls.add(response.url());
  };
  page.on('response', listener);
  await work();
  page.off('response', listener);
  const bodies = await Promise.all(
    [...urls].map(async (url) => await (await page.request.get(url)).body()),
  );
  const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
  return { files: new Set([...urls].map((url) => url.split('/').at(-1) ?? '')), bytes };
}
