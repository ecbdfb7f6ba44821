// The examples work outside of the repository: they compile, their tests pass, and those with a service run on a stack.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { denoProgram } from '../../scripts/stack/functions.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { type Tenant, tenantWithKey } from '../cli/support.ts';
import { pool, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { type Examples, installExamples } from './support.ts';

const NAMES = [
  'order-approval',
  'document-ingestion',
  'nightly-sync',
  'trip-saga',
  'invoice-function',
];
const MINUTES_MS = scaled(240_000);

let examples: Examples;
let stopServer: () => Promise<void>;
let testServer: string;
beforeAll(async () => {
  examples = await installExamples(NAMES);
  // As the global setup of a test runner: one database server for the tests of all examples.
  const setup = join(examples.folder, 'node_modules/stepbase-test/dist/global-setup.js');
  const { default: start } = (await import(pathToFileURL(setup).href)) as {
    default(): Promise<() => Promise<void>>;
  };
  stopServer = await start();
  testServer = process.env.STEPBASE_TEST_SERVER ?? '';
}, MINUTES_MS);
afterAll(() => stopServer?.());

test('every folder of examples is tested here, or in tests/long', () => {
  const folders = globSync('examples/*/package.json', { cwd: ROOT }).map(
    (path) => path.split('/')[1],
  );
  expect(folders.sort()).toEqual([...NAMES, 'nextjs-orders'].sort());
  for (const name of folders) {
    const readme = readFileSync(join(ROOT, 'examples', name ?? '', 'README.md'), 'utf8');
    expect(readme.split('\n').length, `${name}/README.md`).toBeLessThanOrEqual(61);
    const named = [...readme.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(1);
    for (const path of named) {
      expect(existsSync(join(ROOT, 'examples', name ?? '', path)), `${name}/${path}`).toBe(true);
    }
  }
});

test.concurrent.each(NAMES)(
  '%s compiles, and passes its tests',
  async (name) => {
    const [{ stdout }] = await Promise.all([
      examples.run(name, 'npm', ['test', '--silent'], { STEPBASE_TEST_SERVER: testServer }),
      examples.run(name, 'npm', ['run', '--silent', 'check']),
    ]);
    const [, passed] = /pass (\d+)/.exec(stdout) ?? [];
    expect(Number(passed), stdout).toBeGreaterThan(1);
    expect(stdout).toMatch(/fail 0/);
  },
  MINUTES_MS,
);

test.concurrent(
  'the tests of an example run in Deno, too',
  async () => {
    const { stdout } = await examples.run(
      'trip-saga',
      denoProgram(),
      ['test', '--no-prompt', '--allow-all', '--no-check', '--node-modules-dir=manual', 'test/'],
      { STEPBASE_TEST_SERVER: testServer },
    );
    expect(stdout).toMatch(/3 passed/);
  },
  MINUTES_MS,
);

describe('on a stack', () => {
  let tenant: Tenant;
  let access: Record<string, string>;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    tenant = await tenantWithKey('examples');
    access = { STEPBASE_URL: stackInfo().api_url, STEPBASE_API_KEY: tenant.key };
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** Starts a server of the example; resolves with the address that it prints. */
  function serve(program: string, args: string[], env: Record<string, string>): Promise<string> {
    const cwd = join(examples.folder, 'invoice-function');
    const child = spawn(program, args, { cwd, env: { ...examples.env, ...env } });
    children.push(child);
    return new Promise((resolve, reject) => {
      let output = '';
      child.on('exit', () => reject(new Error(`the server ended: ${output}`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          output += `${line}\n`;
          const [address] = /http:\/\/127\.0\.0\.1:\d+\S*/.exec(line) ?? [];
          if (address) resolve(address);
        });
      }
    });
  }

  const stepbase = (example: string, ...args: string[]) =>
    examples.run(example, 'stepbase', args, access);

  test('order-approval is pushed, waits for its approval, and ships', async () => {
    await stepbase('order-approval', 'push', '--publish');
    const { stdout } = await examples.run('order-approval', 'npm', ['start', '--silent'], access);
    expect(stdout).toMatch(/task\.created ask[\s\S]*run\.completed[\s\S]*Shipped: T-1/);
  });

  test('invoice-function answers on Node and on Deno', async () => {
    const { stdout: secret } = await examples.run(
      'invoice-function',
      'npm',
      ['run', '--silent', 'component', 'http://127.0.0.1:1'],
      access,
    );
    const env = { STEPBASE_COMPONENT_SECRET: secret.trim(), PORT: '0' };
    await stepbase('invoice-function', 'push', '--publish');
    const deno = ['serve', '--host', '127.0.0.1', '--port', '0', '--no-prompt'];
    const allowed = ['--allow-net', '--allow-env', '--allow-read', '--node-modules-dir=manual'];
    const addresses = await Promise.all([
      serve(process.execPath, ['src/node.ts'], env),
      serve(
        denoProgram(),
        [...deno, ...allowed, 'supabase/functions/render-invoice/index.ts'],
        env,
      ),
    ]);
    const db = pool();
    for (const [at, endpoint] of addresses.entries()) {
      await db.query('update stepbase.components set endpoint = $2 where app_code = $1', [
        tenant.app_code,
        endpoint,
      ]);
      // Publishing pins the address.
      await stepbase('invoice-function', 'push', '--publish', '--force');
      const input = JSON.stringify({ order_id: `A-${at}`, lines: [{ text: 'Tea', amount: 4.5 }] });
      const { stdout } = await stepbase(
        'invoice-function',
        'start',
        'billing',
        input,
        '--wait',
        '--json',
      );
      expect(stdout).toContain(`"number": "INV-A-${at}"`);
    }
  });
});

test('mistakes do not compile against the packed packages, on Node and on Deno', async () => {
  writeFileSync(join(examples.folder, 'order-approval', 'mistakes.ts'), MISTAKES);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022'];
  const lib = ['--lib', 'es2024,dom', '--skipLibCheck', '--types', '', '--ignoreConfig'];
  const more = ['--allowImportingTsExtensions'];
  await examples.run('order-approval', 'tsc', [...options, ...lib, ...more, 'mistakes.ts']);
  await examples.run('order-approval', denoProgram(), [
    ...['check', '--quiet', '--node-modules-dir=manual', 'mistakes.ts'],
  ]);
  // A mistake that is none is an error, too: the check is not empty.
  writeFileSync(
    join(examples.folder, 'order-approval', 'none.ts'),
    MISTAKES.replace('{ order_id: 7,', "{ order_id: '7',"),
  );
  await expect(
    examples.run('order-approval', 'tsc', [...options, ...lib, ...more, 'none.ts']),
  ).rejects.toThrow(/none\.ts\(\d+,\d+\): error TS2578/);
});

const MISTAKES = `
import { createStepbase } from 'stepbase';
import { defineWorkflow, expr, type WorkflowsOf } from 'stepbase/workflow';
import { orderApproval } from './stepbase/workflows/order-approval.ts';

export async function start() {
  const url = 'https://x.supabase.co';
  const stepbase = createStepbase<WorkflowsOf<typeof orderApproval>>({ url, apiKey: 'sbk_x' });
  const run = await stepbase.start('order-approval', { order_id: '7', shop_url: 'https://s.example' });
  const { ship } = await run.result();
  const tracking: string | undefined = ship?.body.tracking;
  // @ts-expect-error wrong input
  await stepbase.start('order-approval', { order_id: 7, shop_url: 'https://s.example' });
  // @ts-expect-error missing input
  await stepbase.start('order-approval');
  // @ts-expect-error wrong name
  await stepbase.start('order-aproval', { order_id: '7', shop_url: 'https://s.example' });
  // @ts-expect-error a declined order has no shipment
  ship.body;
  return tracking;
}

export const broken = () => defineWorkflow('broken', {}, (w) => {
  const total = w.transform('total', { expression: expr<{ sum: number }>\`{"sum": 1}\` });
  // @ts-expect-error wrong upstream field
  w.transform('copy', { expression: total.output.sums });
  const size = w.condition('size', { expression: expr<'large' | 'small'>\`"large"\` });
  // @ts-expect-error missing branch
  size.match({ large: null });
  const ask = w.waitForApproval('ask', { title: 'Ship?' });
  // @ts-expect-error missing branch
  ask.match({ approved: null });
});
`;
