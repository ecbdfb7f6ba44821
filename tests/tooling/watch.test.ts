// `npm run watch`: the command for each file, the effect of a change, and a whole session from start to stop.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { effectOf, watchTarget } from '../../scripts/test/watch-target.ts';
import { type Inbox, inbox } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const first = (pattern: string) => globSync(pattern, { cwd: ROOT }).sort()[0] ?? pattern;

const PGTAP = first('supabase/tests/rules/*.test.sql');
const VITEST = 'tests/tooling/watch.test.ts';
const DENO = first('functions/**/*.test.ts');

describe('the target of a path', () => {
  test.each([
    [PGTAP, 'pgtap', `--stack info.json ${PGTAP.slice('supabase/tests/'.length)}`],
    [VITEST, 'vitest', `run ${VITEST}`],
    [DENO, 'deno', `deno test --no-prompt --allow-all ${DENO}`],
  ])('%s is run as %s', (path, kind, command) => {
    const target = watchTarget(path);
    expect(target.kind).toBe(kind);
    expect(target.command('info.json').join(' ')).toContain(command);
    expect(target.stack === undefined).toBe(kind === 'deno');
  });

  test('a path may be relative to the folder in which the command was typed', () => {
    expect(watchTarget('watch.test.ts', join(ROOT, 'tests', 'tooling')).path).toBe(VITEST);
  });

  test.each(['tests/none.test.ts', 'tests/support/stack.ts', 'README.md'])(
    '%s is refused',
    (path) => {
      expect(() => watchTarget(path)).toThrow(/no file|is no test file/);
    },
  );
});

describe('a change', () => {
  test.each([
    [PGTAP, 'supabase/migrations/20261101000100_x.sql', 'rerun'],
    [PGTAP, 'functions/worker/index.ts', 'ignore'],
    [VITEST, VITEST, 'rerun'],
    [VITEST, 'tests/support/stack.ts', 'rerun'],
    [VITEST, 'functions/worker/index.ts', 'restart'],
    [VITEST, 'supabase/migrations/20261101000100_x.sql', 'restart'],
    [VITEST, DENO, 'ignore'],
    [VITEST, 'web/dist/assets/index.js', 'ignore'],
    [VITEST, 'tests/tooling/.watch.test.ts.swp', 'ignore'],
    [DENO, 'functions/_shared/log.ts', 'rerun'],
    [DENO, 'supabase/seed.sql', 'ignore'],
  ])('with the target %s, a change of %s has the effect: %s', (path, changed, effect) => {
    expect(effectOf(watchTarget(path), changed)).toBe(effect);
  });
});

let running: ChildProcess | undefined;
afterEach(() => {
  running?.kill('SIGKILL');
});

test('a session starts the stack once, repeats the file after a change and stops cleanly', {
  timeout: scaled(130_000),
}, async () => {
  const child = spawn(process.execPath, ['scripts/test/watch.ts', PGTAP], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = child;
  const lines: Inbox<string> = inbox<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) lines.push(line);
    });
  }
  const runs = () => lines.all.filter((line) => line.startsWith('watch: passed')).length;
  const waits = () => lines.all.filter((line) => line.includes('waiting for changes')).length;
  await lines.next('the first run', () => waits() === 1, 80_000);
  expect(runs()).toBe(1);
  const now = new Date();
  await utimes(join(ROOT, PGTAP), now, now);
  await lines.next('the second run', () => waits() === 2, 30_000);
  expect(runs()).toBe(2);
  expect(lines.all.filter((line) => line === 'watch: starting the stack')).toHaveLength(1);

  const exited = once(child, 'exit');
  child.kill('SIGINT');
  expect(await exited).toEqual([0, null]);
  expect(lines.all).toContain('watch: stopped');
});
