// The verdict of a soak on made-up samples. tests/long has a small soak from start to end.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Sample } from '../../scripts/soak/sample.ts';
import { judge } from '../../scripts/soak/verdict.ts';
import { scaled } from '../support/time.ts';

const MAIN = fileURLToPath(new URL('../../scripts/soak/main.ts', import.meta.url));
const DEADLINE_MS = scaled(30_000);
const MB = 1024 * 1024;

interface Course {
  /** By quarter, from 0. */
  mb?: (quarter: number) => number;
  queueMb?: (quarter: number) => number;
  stepsPerS?: (quarter: number) => number;
  cpuUs?: (quarter: number) => number;
  deleted?: number;
}

/** Forty samples of 1,000 steps each. */
function samples(course: Course): Sample[] {
  const { mb = () => 100, queueMb = () => 1, stepsPerS = () => 1_000, cpuUs = () => 200 } = course;
  const deleted = course.deleted ?? 100;
  const size = (name: string, megabytes: number) => ({
    name,
    heap: (megabytes * MB) / 2,
    indexes: (megabytes * MB) / 2,
    toast: 0,
    dead: 10,
  });
  const taken: Sample[] = [];
  let ms = 0;
  let cpu = 0;
  for (let place = 0; place <= 40; place += 1) {
    const quarter = Math.max(0, Math.ceil(place / 10) - 1);
    if (place > 0) {
      ms += 1_000_000 / stepsPerS(quarter);
      cpu += cpuUs(quarter);
    }
    taken.push({
      steps: place * 1_000,
      ms,
      tables: [
        size('stepbase.step_runs', mb(quarter)),
        size('stepbase_queue.job', queueMb(quarter)),
        size('realtime.messages', place * 10),
      ],
      deletedRuns: place * deleted,
      walBytes: place * 1_000,
      serverCpuMs: cpu,
      workerCpuMs: 0,
      workerMb: 200,
    });
  }
  return taken;
}

describe('the verdict', () => {
  it('accepts tables that fill up in the first quarter and then keep their size', () => {
    const verdict = judge(samples({ mb: (quarter) => (quarter === 0 ? 20 : 100) }));
    expect(verdict.faults).toEqual([]);
    expect(verdict.size_ratio).toBeCloseTo(1);
    expect(verdict.speed_ratio).toBeCloseTo(1);
  });

  it('finds tables that grow', () => {
    const { faults } = judge(samples({ mb: (quarter) => 100 + 10 * quarter }));
    expect(faults).toEqual([expect.stringContaining('the tables grew by 18 %')]);
  });

  it('finds a small table that grows while the sum does not', () => {
    const { faults } = judge(samples({ queueMb: (quarter) => 1 + 3 * quarter }));
    expect(faults).toEqual([
      expect.stringContaining('stepbase_queue.job grew from 4.0 to 10.0 MB'),
    ]);
  });

  it('finds steps that become slower and cost more', () => {
    const { faults } = judge(
      samples({ stepsPerS: (q) => 1_000 - 60 * q, cpuUs: (q) => 200 + 20 * q }),
    );
    expect(faults).toEqual([expect.stringContaining('steps per second')]);
  });

  it('does not blame the engine for other load on the machine', () => {
    const busy = (quarter: number) => (quarter === 3 ? 850 : 1_000);
    expect(judge(samples({ stepsPerS: busy })).faults).toEqual([]);
  });

  it('finds a collapse of the speed that costs no CPU time', () => {
    const { faults } = judge(samples({ stepsPerS: (quarter) => (quarter === 3 ? 600 : 1_000) }));
    expect(faults).toEqual([expect.stringContaining('steps per second')]);
  });

  it('does not judge a soak in which retention deleted nothing', () => {
    const { faults } = judge(samples({ deleted: 0 }));
    expect(faults).toEqual([expect.stringContaining('retention deleted no run')]);
  });
});

it('an unknown option is an error', async () => {
  const run = promisify(execFile)(process.execPath, [MAIN, '--stepz', '1'], {
    timeout: DEADLINE_MS,
  });
  await expect(run).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--steps N'),
  });
});
