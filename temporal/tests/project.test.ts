// A compiled project as users run it: `npm start` in its folder. Its worker is killed in the middle of a step, and another
// one continues.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileWorkflow, typesOf } from '../../functions/_shared/compile/index.ts';
import { buildLibrary } from '../../scripts/compile/library.ts';
import { writeProject } from '../../scripts/compile/write.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { node, value } from '../../tests/engine/support.ts';
import { factsOf } from './history.ts';
import { NO_DATABASE } from './host.ts';
import { endsOf, temporal, version } from './support.ts';

const t = temporal();
const BASE = join(fileURLToPath(new URL('..', import.meta.url)), '.stepbase-test');
let shop: Shop;
let folder = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  shop = await startShop();
  await mkdir(BASE, { recursive: true });
  folder = await mkdtemp(join(BASE, 'project-'));
});
afterAll(async () => {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')));
  await shop?.stop();
  await rm(folder, { recursive: true, force: true });
});

function startWorker(): ChildProcess {
  const child = spawn(process.execPath, ['src/worker.ts'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      ...NO_DATABASE,
      TEMPORAL_ADDRESS: t.address,
      STEPBASE_SECRET_ACME__TOKEN: 'secret-of-acme',
    },
  });
  children.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return await exited;
}

test('another worker continues a run whose worker was killed, and no step is lost or doubled', async () => {
  const slow = node('slow', 'http_request', {
    method: 'POST',
    url: `${shop.url}/slow/{{ input.name }}?ms={{ input.ms }}`,
    headers: { authorization: 'Bearer {{ secrets.token }}' },
    body: { sum: '{{ steps.first.output }}' },
  });
  const of = version(
    [value('first', '1 + 1'), slow, value('last', 'steps.slow.output.status')],
    ['first > slow', 'slow > last'],
  );
  await writeProject(folder, compileWorkflow(of, await buildLibrary(typesOf(of))).files);
  const worker = startWorker();
  const run = await t.start(of, { name: 'killed', ms: 3_000 });
  const { headers, body } = await shop.requests.waitFor(
    ({ path }) => path === '/slow/killed',
    60_000,
  );
  expect(body).toEqual({ sum: 2 });
  expect(headers.authorization).toBe('Bearer secret-of-acme');
  await end(worker, 'SIGKILL');
  const next = startWorker();
  await run.handle.result();
  expect(endsOf(await run.progress()).last).toMatchObject({ output: 200 });
  const facts = await factsOf(run.handle);
  expect(facts.map(({ node, attempt, kind }) => [node, attempt, kind])).toEqual([
    ['first', 1, 'completed'],
    ['slow', 1, 'scheduled'],
    ['slow', 1, 'completed'],
    ['last', 1, 'completed'],
  ]);
  // The receiver gets the repeated request with the same key.
  const sent = shop.requests.all.filter(({ path }) => path === '/slow/killed');
  expect(sent).toHaveLength(2);
  expect(sent[0]?.headers['idempotency-key']).toBe(`${run.id}:slow:0`);
  expect(sent[1]?.headers['idempotency-key']).toBe(`${run.id}:slow:0`);
  // No payload contains the secret.
  const { events } = await run.handle.fetchHistory();
  const history = JSON.stringify(events).replace(/"data":"([^"]*)"/g, (_, data: string) =>
    Buffer.from(data, 'base64').toString(),
  );
  expect(history).not.toContain('secret-of-acme');
  expect(history).toContain('secrets.token');
  expect(await end(next, 'SIGTERM')).toBe(0);
});
