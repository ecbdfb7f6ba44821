// `npm run demo -- --json` exits with 0, and its last line is the documented object. On an interrupt it stops cleanly.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { scaled } from '../support/time.ts';

const LIMIT_120_S = scaled(120_000);

const root = join(import.meta.dirname, '../..');

/** Strict: an additional or missing key fails. */
const report = z.strictObject({
  runs: z.array(
    z.strictObject({
      workflow: z.string(),
      run_id: z.uuid(),
      status: z.string(),
      steps: z.array(
        z.strictObject({
          step_id: z.string(),
          status: z.string(),
          attempt: z.int(),
          ms: z.number().nullable(),
        }),
      ),
      ms: z.number(),
    }),
  ),
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function demo(onStderr: (text: string, pid: number) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, ['scripts/demo/main.ts', '--json'], { cwd: root });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (child.pid !== undefined) onStderr(stderr, child.pid);
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`the demo did not end:\n${stderr}`));
    }, scaled(90_000));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

test('the demo completes and reports three runs', { timeout: LIMIT_120_S }, async () => {
  const { code, stdout, stderr } = await demo();
  expect(code, stderr).toBe(0);
  const { runs } = report.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
  expect(runs.map((run) => [run.workflow, run.status, run.steps.length])).toEqual([
    ['order-confirmation', 'completed', 3],
    ['order-triage', 'completed', 5],
    ['refund-approval', 'completed', 4],
  ]);
  for (const run of runs) {
    expect(run.steps.every((step) => step.status === 'completed')).toBe(true);
  }
  // The events are printed as they happen.
  expect(stderr).toMatch(/step\.completed$/m);
});

test('an interrupt stops the demo cleanly', { timeout: LIMIT_120_S }, async () => {
  let sent = false;
  const { code, stdout } = await demo((text, pid) => {
    if (sent || !text.includes('Signed in')) return;
    sent = true;
    process.kill(pid, 'SIGINT');
  });
  expect(code).toBe(130);
  expect(stdout).toBe('');
});
