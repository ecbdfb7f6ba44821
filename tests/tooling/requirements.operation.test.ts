// docs/internals/requirements/operation.md names a test for each requirement; `npm test` executes each of them.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { integrationSuites } from '../../scripts/test/parts.ts';

const page = readFileSync(join(ROOT, 'docs', 'internals', 'requirements', 'operation.md'), 'utf8');

interface Row {
  requirement: string;
  file: string;
  name: string;
}

const rows: Row[] = page.split('\n').flatMap((line) => {
  const [, requirement = '', file = '', name = ''] =
    /^\| (.+?) \| `([^`]+)` \| (.+?) \|$/.exec(line) ?? [];
  return file === '' ? [] : [{ requirement, file, name }];
});

/** The files that the parts of `npm test` execute. */
const executed = new Set(
  [
    'supabase/tests/**/*.test.sql',
    'functions/**/*.test.ts',
    'tests/engine/**/*.test.ts',
    'tests/browser/**/*.test.ts',
    ...integrationSuites().flatMap(({ paths = [] }) => paths.map((path) => `${path}**/*.test.ts`)),
  ].flatMap((pattern) => globSync(pattern, { cwd: ROOT })),
);

/** The name as a literal of the language of the file. */
function literals({ file, name }: Row): string[] {
  if (file.endsWith('.sql')) return [`'${name.replaceAll("'", "''")}'`];
  return [`'${name}'`, `"${name}"`, `\`${name}\``];
}

test('the page has rows', () => {
  expect(rows.length).toBeGreaterThan(30);
});

test('each line of a table is a row', () => {
  const lines = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| --'));
  expect(lines.filter((line) => !line.startsWith('| Requirement')).length).toBe(rows.length);
});

describe.each(rows)('$requirement', (row) => {
  test('has a test that is executed', () => {
    expect([...executed]).toContain(row.file);
    const source = readFileSync(join(ROOT, row.file), 'utf8');
    const places = literals(row).map((literal) => source.indexOf(literal));
    const place = Math.max(...places);
    expect(place, `${row.file} has no test "${row.name}"`).toBeGreaterThan(-1);
    // Vitest, Deno and pgTAP: the call before the name.
    expect(source.slice(Math.max(0, place - 40), place)).not.toMatch(/\.(skip|todo)\b|\bskip\(/);
  });
});
