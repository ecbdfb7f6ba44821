// The Next.js example from packed packages: it compiles, its tests pass, `next build` builds it, and in a browser an order is
// placed, followed live and approved in the inbox of another person.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../scripts/stack/free-port.ts';
import { openPage } from '../browser/support.ts';
import { testApp } from '../engine/support.ts';
import { type Examples, installExamples } from '../examples/support.ts';
import { createKey } from '../sdk/support.ts';
import { type Person, seedUser, stackInfo, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const NAME = 'nextjs-orders';
const LIMIT_MS = scaled(600_000);

let examples: Examples;
let server: ChildProcess | undefined;
let url: string;
let db: Awaited<ReturnType<typeof testApp>>['db'];

beforeAll(async () => {
  const [installed, app, port] = await Promise.all([
    installExamples([NAME]),
    testApp(),
    findFreePort(),
  ]);
  examples = installed;
  db = app.db;
  const { api_url, publishable_key } = stackInfo();
  await examples.run(NAME, 'stepbase', ['push', '--publish'], {
    STEPBASE_URL: api_url,
    STEPBASE_API_KEY: await createKey(app.admin),
  });
  await examples.run(NAME, 'npm', ['run', 'build'], {
    NEXT_PUBLIC_SUPABASE_URL: api_url,
    NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY: publishable_key,
    NODE_ENV: 'production',
  });
  url = `http://127.0.0.1:${port}`;
  server = spawn(process.execPath, [nextProgram(), 'start', '-H', '127.0.0.1', '-p', `${port}`], {
    cwd: join(examples.folder, NAME),
    env: {
      ...examples.env,
      NEXT_PUBLIC_SUPABASE_URL: api_url,
      NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY: publishable_key,
      NODE_ENV: 'production',
    },
    stdio: 'ignore',
  });
  await waitFor('the app answers', () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}, LIMIT_MS);
afterAll(async () => {
  server?.kill('SIGKILL');
  await db?.query(
    `update stepbase.workflows set deleted_at = now() where app_code = 'acme' and kebab_name = 'order'`,
  );
});

const nextProgram = () => join(examples.folder, 'node_modules', 'next', 'dist', 'bin', 'next');

async function open(person: Person, path: string): Promise<Page> {
  const page = await openPage('light', `${url}${path}`);
  const { email, password } = seedUser(person);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
}

test(
  'its types are correct and its tests pass',
  async () => {
    const check = await examples.run(NAME, 'npm', ['run', '--silent', 'check']);
    expect(check.stdout).toBe('');
    const { stdout } = await examples.run(NAME, 'npm', ['test', '--silent']);
    expect(stdout).toMatch(/pass 2[\s\S]*fail 0/);
  },
  LIMIT_MS,
);

test(
  'an order is placed, followed live, and approved in the inbox',
  async () => {
    const buyer = await open('admin@acme', '/');
    await buyer.getByLabel('Quantity').fill('12');
    await buyer.getByRole('button', { name: 'Place order' }).click();
    await buyer.waitForURL(/\/orders\/[0-9a-f-]{36}$/);
    await buyer.getByText('ask: waits for a decision').waitFor();
    expect(await buyer.getByRole('status').textContent()).toBe('In progress');

    const developer = await open('developer@acme', '/inbox');
    const task = developer.getByRole('listitem').filter({ hasText: 'Pack 12 × Tea?' });
    await task.getByRole('button', { name: 'Approve' }).click();
    await task.waitFor({ state: 'detached' });

    // The other page learns it without a reload.
    await buyer.getByText('Packed: P-12').waitFor();
    expect(await buyer.getByLabel('Progress').textContent()).toContain('ask: done');
  },
  LIMIT_MS,
);

test(
  'a viewer may not place an order',
  async () => {
    const page = await open('viewer@acme', '/');
    await page.getByRole('button', { name: 'Place order' }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /permission|not allowed/i })
      .waitFor();
  },
  LIMIT_MS,
);
