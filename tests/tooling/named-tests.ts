// Tests that a page of the docs names as its proof: whether `npm test` or `npm run test:long` executes the file, and
// whether the file has a test of that name.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/stack/options.ts';
import { integrationSuites } from '../../scripts/test/parts.ts';

export interface NamedTest {
  file: string;
  name: string;
}

const filesOf = (patterns: readonly string[]): ReadonlySet<string> =>
  new Set(patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })));

/** The files that the parts of `npm test` execute. */
export const executed = filesOf([
  'supabase/tests/**/*.test.sql',
  'functions/**/*.test.ts',
  'tests/engine/**/*.test.ts',
  'tests/browser/**/*.test.ts',
  ...integrationSuites().flatMap(({ paths = [] }) => paths.map((path) => `${path}**/*.test.ts`)),
]);

/** The files that `npm run test:long` executes. */
export const executedNightly = filesOf(['tests/long/**/*.test.ts']);

/** The name as a literal of the language of the file. */
function literals({ file, name }: NamedTest): string[] {
  if (file.endsWith('.sql')) return [`'${name.replaceAll("'", "''")}'`];
  return [`'${name}'`, `"${name}"`, `\`${name}\``];
}

/** Why the file does not prove anything by a test of this name; undefined if it does. */
export function faultOf(test: NamedTest): string | undefined {
  if (!executed.has(test.file) && !executedNightly.has(test.file)) {
    return `${test.file} is not executed`;
  }
  const source = readFileSync(join(ROOT, test.file), 'utf8');
  const place = Math.max(...literals(test).map((literal) => source.indexOf(literal)));
  if (place === -1) return `${test.file} has no test "${test.name}"`;
  // Vitest, Deno and pgTAP: the call before the name.
  const isSkipped = /\.(skip|todo)\b|\bskip\(/.test(source.slice(Math.max(0, place - 40), place));
  return isSkipped ? `${test.file} skips "${test.name}"` : undefined;
}
