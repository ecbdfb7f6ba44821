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
  const onLinux = process.platform === 'linux' ? figure : null;
  const engines = (value: unknown) => ({ stepbase: value, dbos: null, openworkflow: null });
  const cost = (value: unknown) => ({ noop: engines(value), http: engines(value) });
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual({
    steps_per_s: { ...engines(figure), graphile_worker: null, pg_boss: null, limit: figure },
    run_ms: engines(figure),
    calling_steps_per_s: engines(figure),
    lone_run_ms: { calm: engines(figure), after_burst: engines(figure) },
    messages_per_run: { noop: figure, http: figure },
    wal_bytes_per_step: cost(figure),
    wal_image_bytes_per_step: cost(figure),
    rows_per_step: cost(figure),
    index_entries_per_step: cost(figure),
    disk_bytes_per_step: cost(figure),
    server_cpu_us_per_step: cost(onLinux),
    worker_cpu_us_per_step: cost(onLinux),
    fanout_steps_per_s: figure,
    loaded_ratio: figure,
    context_growth: figure,
    held_steps_ratio: figure,
    held_run_ratio: figure,
    worker_rss_mb: onLinux,
    idle_statements_per_s: figure,
  });
});
