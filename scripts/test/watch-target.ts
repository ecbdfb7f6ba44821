// The command that runs a test file, the stack that it needs, and the effect of a changed file.

import { existsSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { ROOT, StackError, type StackOptions } from '../stack/options.ts';

export interface WatchTarget {
  kind: 'deno' | 'vitest' | 'pgtap';
  /** From the root of the project. */
  path: string;
  /** Undefined: the test needs no stack. */
  stack?: Pick<StackOptions, 'functions' | 'web' | 'seed'>;
  /** The command for one run. */
  command(infoPath: string): [string, ...string[]];
}

/** The target of a path as it was typed in `cwd`. */
export function watchTarget(typed: string, cwd = ROOT): WatchTarget {
  const found = [resolve(cwd, typed), resolve(ROOT, typed)].find((path) => existsSync(path));
  const path = relative(ROOT, found ?? '')
    .split(sep)
    .join('/');
  if (!found) throw new StackError(`there is no file ${typed}`);
  if (/^functions\/.+\.test\.ts$/.test(path)) {
    const command: [string, ...string[]] = ['deno', 'test', '--no-prompt', '--allow-all', path];
    return { kind: 'deno', path, command: () => command };
  }
  if (/^supabase\/tests\/.+\.(sql|pg)$/.test(path)) {
    const name = path.slice('supabase/tests/'.length);
    return {
      kind: 'pgtap',
      path,
      stack: { functions: false, web: false },
      command: (infoPath) => [process.execPath, 'scripts/test/db.ts', '--stack', infoPath, name],
    };
  }
  if (/^tests\/.+\.test\.ts$/.test(path)) {
    return {
      kind: 'vitest',
      path,
      stack: {},
      command: () => [process.execPath, join('node_modules', 'vitest', 'vitest.mjs'), 'run', path],
    };
  }
  throw new StackError(
    `${path} is no test file: give tests/**/*.test.ts, functions/**/*.test.ts or supabase/tests/**/*.sql`,
  );
}

/** The folders whose files can matter to a test. */
export const WATCHED = ['functions', 'scripts', 'supabase', 'tests', 'types', 'web'];

export type Effect = 'ignore' | 'rerun' | 'restart';

/** What to do when this file changes: nothing, run the test again, or start the stack again first. */
export function effectOf(target: WatchTarget, changed: string): Effect {
  if (!/\.(ts|tsx|mjs|js|sql|json|toml|css|html)$/.test(changed)) return 'ignore';
  if (/(^|\/)(node_modules|dist|\.temp|\.branches)\//.test(changed)) return 'ignore';
  if (target.kind === 'deno') return /^(functions|types)\//.test(changed) ? 'rerun' : 'ignore';
  if (target.kind === 'pgtap') {
    // Each run gets a fresh database with the migrations as they are then.
    return /^supabase\//.test(changed) ? 'rerun' : 'ignore';
  }
  // The running stack has the functions, the migrations and the seed from its start.
  const ofStack = /^(functions|supabase)\//.test(changed);
  const isTest = /\.test\.ts$|^supabase\/tests\//.test(changed);
  return ofStack ? (isTest ? 'ignore' : 'restart') : 'rerun';
}
