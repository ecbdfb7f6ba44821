// The reader of TAP output counts passed and failed assertions and broken files.

import { expect, test } from 'vitest';
import { readTap } from '../../scripts/test/pgtap.ts';

test('passed and failed assertions are counted, with their diagnostics', () => {
  const file = readTap('a.sql', [
    '1..3',
    'ok 1 - fine',
    'not ok 2 - broken',
    '# Failed test 2: "broken"',
    '#         have: 1',
    'ok 3',
    '# Looks like you failed 1 test of 3',
  ]);
  expect(file.passed).toBe(2);
  expect(file.failures).toEqual([
    'not ok 2 - broken\n# Failed test 2: "broken"\n#         have: 1',
  ]);
});

test('fewer tests than planned, and tests without a plan, are failures', () => {
  expect(readTap('a.sql', ['1..2', 'ok 1']).failures).toEqual(['planned 2 tests but ran 1']);
  expect(readTap('a.sql', ['ok 1']).failures).toEqual(['the file has no plan']);
});

test('a file with helpers only counts as no assertion', () => {
  expect(readTap('000.sql', [])).toMatchObject({ passed: 0, failures: [] });
});

test('a todo that fails is not a failure', () => {
  expect(readTap('a.sql', ['1..1', 'not ok 1 - later # TODO later'])).toMatchObject({
    passed: 1,
    failures: [],
  });
});
