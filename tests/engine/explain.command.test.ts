// `npm run explain`: the plan of a workflow as a table and as JSON.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../../scripts/explain/plan.ts';
import { duration } from '../../scripts/explain/table.ts';
import { scaled } from '../support/time.ts';
import { explained, LINES, ORDER } from './explain.ts';
import { edges, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

interface Output {
  code: number;
  out: string;
  err: string;
}

async function command(...args: string[]): Promise<Output> {
  const env = { ...process.env };
  delete env.DATABASE_URL;
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['scripts/explain.ts', ...args],
      { env, timeout: scaled(30_000) },
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, out: failed.stdout, err: failed.stderr };
  }
}

describe.concurrent('npm run explain', () => {
  test('prints a table, or JSON equal to the result of the RPC', async () => {
    const workflow = await b.publish(ORDER, LINES);
    const [table, json] = await Promise.all([
      command(workflow, '--db-url', b.stack.db_url),
      command(workflow, '--data', b.stack.data_dir, '--app', 'acme', '--json'),
    ]);
    expect(table.err).toBe('');
    expect(table.out).toContain(`${workflow}, version 1 (published), application acme`);
    expect(table.out).toMatch(
      /0 {2}fetch +http_request +start +- +5 s +5 after 1 s, 2 s, 4 s, 8 s, … +secrets shop_key/,
    );
    expect(table.out).toMatch(
      /3 {2}ship +for_each \(http_request\) +any of large:false, ask:approved +fetch +30 s/,
    );
    expect(table.out).toContain('No warnings.');
    const { faults, check: _printed, ...printed } = JSON.parse(json.out) as Plan;
    const { check: _returned, ...returned } = await explained(b, workflow);
    expect(printed).toEqual(returned);
    expect(faults).toEqual([]);
  });

  test('lists warnings by step', async () => {
    const retries = { retry: { max_attempts: 2 } };
    const workflow = await b.publish([value('a', '1', retries)]);
    const { out } = await command(workflow, '--db-url', b.stack.db_url);
    expect(out).toMatch(
      /Warnings:\n {2}a {2}retry_has_no_effect {2}the errors of transform are not retried/,
    );
  });

  test('lists the faults that the checker finds, also in a draft', async () => {
    const workflow = await b.publish([value('a')]);
    await b.developer.rpc('save_workflow', {
      kebab_name: workflow,
      definition: { nodes: [value('a', 'inptu.x'), value('b', '1 +')], edges: edges('a > b') },
    });
    const { out } = await command(workflow, '--db-url', b.stack.db_url, '--version', '2');
    expect(out).toMatch(
      /Faults:\n {2}a {2}\/nodes\/0\/data\/config\/expression {2}unknown_name .*did you mean input\?/,
    );
    expect(out).toMatch(/ {2}b {2}\/nodes\/1\S+ {2}expression_syntax /);
  });

  test('reports an error in one line', async () => {
    const db = ['--db-url', b.stack.db_url];
    const workflow = await b.publish([value('a')]);
    const tries = await Promise.all([
      command('missing', ...db),
      command('missing', ...db, '--app', 'acme'),
      command(workflow, ...db, '--version', '7'),
      command(workflow, ...db, '--version', 'x'),
      command(workflow, '--data', '/nowhere'),
      command(workflow, '--db-url', 'postgres://postgres@127.0.0.1:1/postgres'),
      command(...db),
      command(workflow, '--colour'),
    ]);
    expect(tries.map(({ code }) => code)).toEqual(tries.map(() => 1));
    const said = tries.map(({ err }) => err.split('\n')[0]);
    expect(said).toEqual([
      expect.stringMatching(/^explain: there is no workflow missing \(there are: /),
      expect.stringMatching(/^explain: there is no workflow missing in the application acme/),
      `explain: workflow ${workflow} has no version 7`,
      'explain: --version must be a whole number, not x',
      expect.stringContaining('explain: no stack is running here'),
      expect.stringContaining('explain: the database cannot be reached'),
      expect.stringMatching(/^explain: usage: /),
      expect.stringContaining('--colour'),
    ]);
    for (const { err } of tries) expect(err).not.toMatch(/^\s+at /m);
  });

  test('durations are formatted in the largest fitting unit', () => {
    expect([500, 1000, 1500, 90_000, 3_600_000, 5_400_000, 86_400_000, 1234].map(duration)).toEqual(
      ['500 ms', '1 s', '1.5 s', '1.5 min', '1 h', '1.5 h', '1 d', '1234 ms'],
    );
  });
});
