// Runs `npm run chaos` as a process of its own and reads the report that it prints.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { ChaosReport } from '../../scripts/chaos/chaos.ts';
import { ROOT } from '../../scripts/stack/options.ts';

/** Rejects with the whole output unless the report is valid. */
export async function runChaos(args: readonly string[], limitMs: number): Promise<ChaosReport> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/chaos/main.ts', '--json', ...args],
    { cwd: ROOT, timeout: limitMs },
  ).catch((failure: { stdout: string; stderr: string; code?: number; signal?: string }) => {
    const end = `chaos ended with ${failure.signal ?? failure.code}`;
    throw new Error(`${failure.stderr}\n${failure.stdout}\n${end}`);
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
  return report;
}
