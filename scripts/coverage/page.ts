// Coverage of one page of a browser test, under `npm run coverage`.

import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { coverageFolders } from './folders.ts';

export async function startCoverage(page: Page): Promise<void> {
  // A test opens addresses and reloads; the counts stay.
  if (coverageFolders()) await page.coverage.startJSCoverage({ resetOnNavigation: false });
}

export async function keepCoverage(page: Page): Promise<void> {
  const folder = coverageFolders()?.browser;
  if (folder === undefined) return;
  const scripts = await page.coverage.stopJSCoverage();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${randomUUID()}.json`), JSON.stringify(scripts));
}
