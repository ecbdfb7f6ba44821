// A run of `npm test` that fails ends with the names of the failed tests: CI shows the end of a long output only.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'stepbase-runner-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs parts that print pgTAP's output, each by its name; returns the lines of the whole run. */
function linesOf(outputs: Record<string, string>, fault?: string): string[] {
  const script = join(folder, 'session.ts');
  writeFileSync(
    script,
    `import { Session } from '${ROOT}/scripts/test/session.ts';
    import { readTapProgress } from '${ROOT}/scripts/test/progress.ts';
    const session = new Session({ limitMs: 60_000, cleanUp: async () => undefined });
    await session.finish(async () => {
      for (const [name, output] of Object.entries(${JSON.stringify(outputs)})) {
        const args = ['-e', 'const o = process.env.OUTPUT; console.log(o); process.exit(+o.includes("not ok"))'];
        await session.run({
          ...{ name, command: process.execPath, args, env: { OUTPUT: output } },
          ...{ limitMs: 30_000, progress: readTapProgress },
        });
      }
      ${fault === undefined ? '' : `throw new Error('${fault}');`}
    });`,
  );
  const { stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', cwd: ROOT });
  const logs = /^The output of every part is in (.+)$/m.exec(stdout)?.[1];
  if (logs) rmSync(logs, { recursive: true });
  return stdout.trimEnd().split('\n');
}

const good = '# Subtest: good.sql\n    ok 1 - fine\nok 1 - good.sql';

test('the last lines name every failed test with its part and its file', () => {
  const lines = linesOf(
    {
      good,
      bad: '# Subtest: b.sql\n    not ok 1 - adds\n    not ok 2 - subtracts\nnot ok 1 - b.sql',
      silent: 'nothing',
    },
    'the stack did not start',
  );
  expect(lines.slice(-7)).toEqual([
    'failed tests:',
    '  bad: b.sql > adds',
    '  bad: b.sql > subtracts',
    '  silent: no test ran',
    '  the test run itself: Error: the stack did not start',
    '',
    '1 passed, 4 failed',
  ]);
});

test('a run without a failure has no such list', () => {
  expect(linesOf({ good }).slice(-2)).toEqual(['', '1 passed, 0 failed']);
});
