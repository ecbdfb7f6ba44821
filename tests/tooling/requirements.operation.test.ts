// docs/internals/requirements/operation.md names a test for each requirement; `npm test` executes each of them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { executed, faultOf } from './named-tests.ts';

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
    expect(faultOf(row)).toBeUndefined();
  });
});
