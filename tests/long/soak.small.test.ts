// A small soak from start to end.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LEAST_STEPS } from '../../scripts/soak/soak.ts';
import { scaled } from '../support/time.ts';

const MAIN = fileURLToPath(new URL('../../scripts/soak/main.ts', import.meta.url));
const DEADLINE_MS = scaled(90_000);

it(
  'a small soak audits its runs and prints its result as the last line',
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [MAIN, '--json', '--steps', String(LEAST_STEPS)],
      { timeout: DEADLINE_MS },
    );
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(result).toMatchObject({ steps: LEAST_STEPS, is_judged: false, faults: [] });
    expect(result.runs_audited).toBeGreaterThan(0);
    // The runs of the warm-up, too.
    expect(result.runs_kept + result.runs_deleted).toBeGreaterThan(LEAST_STEPS / 10);
    expect(result.last.steps_per_s).toBeGreaterThan(0);
    expect(result.tables.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['stepbase.runs', 'stepbase.step_runs', 'stepbase.run_events']),
    );
  },
  DEADLINE_MS + 10_000,
);
