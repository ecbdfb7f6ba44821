// The benchmark runs and reports the figures in the format that tools read. The values are not checked.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { scaled } from '../support/time.ts';

const MAIN = fileURLToPath(new URL('../../scripts/bench/main.ts', import.meta.url));
const DEADLINE_MS = scaled(50_000);

it('the last line of the bench is one object with every figure it measured', async () => {
  // Without the contenders: they are separate packages, which a test does not install.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [MAIN, '--json', '--tiny', '--contenders', 'stepbase,limit'],
    { timeout: DEADLINE_MS },
  );
  const figure = expect.any(Number);
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual({
    steps_per_s: { stepbase: figure, dbos: null, graphile_worker: null, limit: figure },
    run_ms: { stepbase: figure, dbos: null },
    fanout_steps_per_s: figure,
    loaded_ratio: figure,
    context_growth: figure,
    worker_rss_mb: process.platform === 'linux' ? figure : null,
    idle_statements_per_s: figure,
  });
});
