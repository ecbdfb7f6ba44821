// The short form of `npm run chaos`: the same harness for a few seconds, as its own process.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { ChaosReport } from '../../scripts/chaos/chaos.ts';
import { ROOT } from '../../scripts/stack/options.ts';

test('killed workers, a database that crashes and a Redis that is away cost no run anything', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/chaos/main.ts', '--json', '--short'],
    { cwd: ROOT, timeout: 100_000 },
  ).catch((failure: { stdout: string; stderr: string }) => {
    throw new Error(`${failure.stderr}\n${failure.stdout}`);
  });
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ChaosReport;
  expect(Object.keys(report)).toEqual([
    'runs',
    'kills',
    'lost',
    'completed_twice',
    'illegal_sequences',
    'orphan_jobs',
    'seconds',
  ]);
  expect(report).toMatchObject({
    runs: 100,
    lost: 0,
    completed_twice: 0,
    illegal_sequences: 0,
    orphan_jobs: 0,
  });
  expect(report.kills).toBeGreaterThanOrEqual(2);
}, 110_000);
