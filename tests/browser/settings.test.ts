// The settings in a browser: a viewer reads the sections on a phone and sees no action.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openAppPage, openPage, signIn } from './support.ts';

async function section(page: Page, id: string, heading: string): Promise<void> {
  await openAppPage(page, `/settings/${id}`);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

test('a viewer reads the settings and sees no action', async () => {
  const page = await openPage('dark');
  await page.setViewportSize({ width: 390, height: 800 });
  await signIn(page, 'viewer@acme', '/settings/members');
  await page.getByText('admin@acme').first().waitFor();
  expect(await page.getByRole('button', { name: /Actions for|Invite/ }).count()).toBe(0);
  for (const [id, heading] of [
    ['roles', 'Roles'],
    ['components', 'Components'],
    ['prompts', 'Prompts'],
    ['queues', 'Queues and limits'],
    ['models', 'Model budgets'],
    ['retention', 'Retention'],
    ['alerts', 'Alerts'],
  ] as const) {
    await section(page, id, heading);
    await page.getByRole('status', { name: 'Loading' }).last().waitFor({ state: 'hidden' });
    const changes = /^(New|Save|Set|Edit|Delete|Create|Invite|Actions for the role)/;
    expect(await page.getByRole('main').getByRole('button', { name: changes }).count()).toBe(0);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(390);
  }
  await section(page, 'audit', 'Audit log');
  await page.getByText('It needs the permission audit:read.').waitFor();
});
