// A part of `npm test` that is stopped reports how many tests passed and failed, and the running file.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logDir, type Part, type PartResult, runPart, stopParts } from '../../scripts/test/part.ts';
import { denoPart, vitestPart } from '../../scripts/test/parts.ts';
import {
  readCheckProgress,
  readDenoProgress,
  readTapProgress,
  readVitestProgress,
} from '../../scripts/test/progress.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const START_MS = scaled(20_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-runner-'));
});
afterAll(async () => {
  for (const path of [folder, logDir]) await rm(path, { recursive: true, force: true });
});

/** Creates a file whose last test waits until the part is stopped; the test writes the marker first. */
async function hangingFile(name: string, head: string, marker: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    path,
    `${head}
    test('adds', () => {});
    test('adds again', () => {});
    test('subtracts', () => { throw new Error('wrong'); });
    test('hangs', async () => {
      // Deno prints results from another thread: time for the three above.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      writeFileSync(${JSON.stringify(marker)}, '');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`,
  );
  return path;
}

/** Runs the part until its last test hangs, then stops it by signal. */
async function stoppedAtMarker(part: Part, marker: string): Promise<PartResult> {
  const result = runPart(part);
  await waitFor(
    'the last test hangs',
    () =>
      readFile(marker).then(
        () => true,
        () => false,
      ),
    START_MS,
  );
  await stopParts('interrupted');
  return await result;
}

describe('a part that is stopped while it runs', () => {
  test('reports the results of vitest', { timeout: START_MS + 20_000 }, async () => {
    const marker = join(folder, 'vitest-hangs');
    const file = await hangingFile(
      'hangs.test.ts',
      "import { writeFileSync } from 'node:fs';",
      marker,
    );
    await writeFile(
      join(folder, 'vitest.config.ts'),
      "export default { test: { globals: true, name: 'node', testTimeout: 600_000 } };",
    );
    const part = vitestPart({
      name: 'hanging vitest',
      project: 'node',
      paths: [file],
      limitMs: 60_000,
    });
    const result = await stoppedAtMarker(
      { ...part, args: [...part.args, `--root=${folder}`] },
      marker,
    );
    expect(result).toMatchObject({
      passed: 2,
      failed: 1,
      stopped: 'interrupted, while running hangs.test.ts',
    });
  });

  test('reports the results of deno', { timeout: START_MS + 20_000 }, async () => {
    const marker = join(folder, 'deno-hangs');
    const file = await hangingFile(
      'deno_hangs.test.ts',
      "import { writeFileSync } from 'node:fs'; const { test } = Deno;",
      marker,
    );
    const result = await stoppedAtMarker({ ...denoPart([file]), name: 'hanging deno' }, marker);
    expect(result).toMatchObject({ passed: 2, failed: 1 });
    expect(result.stopped).toMatch(/^interrupted, while running .*deno_hangs\.test\.ts$/);
    expect(result.output).toContain('stopped: interrupted');
  });
});

test('a part that reaches its time limit is stopped and fails', async () => {
  const result = await runPart(
    {
      name: 'slow',
      command: process.execPath,
      args: [
        '-e',
        "console.log('# Subtest: a.sql\\n    ok 1 - fine'); setTimeout(() => {}, 600_000)",
      ],
      limitMs: 1_000,
      progress: readTapProgress,
    },
    1.5,
  );
  expect(result).toMatchObject({
    failed: 1,
    stopped: expect.stringMatching(/^time limit of 2 s, while running/),
  });
  expect(result.ms).toBeGreaterThan(1_400);
});

test('a process that ends without a result counts as one failure', async () => {
  const part = (code: number): Part => ({
    name: 'silent',
    command: process.execPath,
    args: ['-e', `process.exit(${code})`],
    limitMs: 60_000,
    progress: readTapProgress,
  });
  expect(await runPart(part(0))).toMatchObject({ passed: 0, failed: 1, output: 'no test ran' });
  expect(await runPart(part(3))).toMatchObject({
    failed: 1,
    output: 'ended with exit code 3 and no failed test',
  });
});

describe('progress is read from unfinished output', () => {
  test('for pgTAP: the assertions of all files so far, and the file without a result', () => {
    const output = [
      'TAP version 13',
      '# Subtest: a.test.sql',
      '    1..2',
      '    ok 1 - fine',
      '    not ok 2 - broken',
      'not ok 1 - a.test.sql',
      '# Subtest: b.test.sql',
    ].join('\n');
    const failures = ['a.test.sql > broken'];
    expect(readTapProgress(output)).toEqual({
      passed: 1,
      failed: 1,
      failures,
      running: ['b.test.sql'],
    });
    expect(readTapProgress(`${output}\nnot ok 2 - b.test.sql\n1..2\n# 9 passed, 3 failed`)).toEqual(
      {
        passed: 9,
        failed: 3,
        failures: [...failures, 'b.test.sql > the file itself (its plan or an SQL error)'],
        running: [],
      },
    );
  });

  test('for Deno: output and steps of a test do not count', () => {
    const output = [
      'running 1 test from ./a.test.ts',
      'first ... ok (1ms)',
      '',
      'running 3 tests from ./b.test.ts',
      'prints ...',
      '------- output -------',
      'hello ... ok',
      '----- output end -----',
      '  step ... ok (0ms)',
      'prints ... ok (3ms)',
      'breaks ... FAILED (1ms)',
    ].join('\n');
    expect(readDenoProgress(output)).toEqual({
      passed: 2,
      failed: 1,
      failures: ['./b.test.ts > breaks'],
      running: ['./b.test.ts'],
    });
    expect(readDenoProgress(`${output}\nlater ... ignored (0ms)`).running).toEqual([]);
  });

  test('for check: the checks that were running', () => {
    const output = 'ok     a (1 ms)\nFAILED b (x, y) (2 ms)\nstopped while running: c; d';
    expect(readCheckProgress(output)).toEqual({
      passed: 1,
      failed: 1,
      failures: ['b (x, y)'],
      running: ['c', 'd'],
    });
  });

  test('for vitest: a file that could not be loaded is one failure; a cut line is ignored', async () => {
    const path = join(folder, 'progress.jsonl');
    const line = (entry: object) => JSON.stringify(entry);
    await writeFile(
      path,
      [
        line({ event: 'file_started', file: 'a' }),
        line({ event: 'file_started', file: 'b' }),
        line({ event: 'test', file: 'a', state: 'passed', name: 'x' }),
        line({ event: 'test', file: 'a', state: 'skipped', name: 'y' }),
        line({ event: 'test', file: 'a', state: 'failed', name: 'z' }),
        line({ event: 'file_ended', file: 'b', ok: false }),
        '{"event":"test","file":"a","sta',
      ].join('\n'),
    );
    expect(readVitestProgress(path)).toEqual({
      passed: 1,
      failed: 2,
      failures: ['a > z', 'b > the file itself (an import or a hook)'],
      running: ['a'],
    });
    expect(readVitestProgress(join(folder, 'none'))).toEqual({
      passed: 0,
      failed: 0,
      failures: [],
      running: [],
    });
  });
});
