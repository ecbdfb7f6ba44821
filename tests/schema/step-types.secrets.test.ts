// Only some step types may use secrets: the database checks this when a version is published, and the worker when it
// compiles the version. Both must allow the same types.

import { expect, test } from 'vitest';
import { stepHandlers } from '../../functions/worker/steps/index.ts';
import { pool } from '../support/stack.ts';

test('the database and the worker allow secrets in the same step types', async () => {
  const db = pool();
  const { rows } = await db.query<{ name: string; may_use_secrets: boolean }>(
    'select name, may_use_secrets from stepbase.step_types order by name',
  );
  const told = Object.fromEntries(rows.map((row) => [row.name, row.may_use_secrets]));
  const handlers = [...stepHandlers.values()].map(
    ({ stepType: { name, mayUseSecrets } }) => [name, mayUseSecrets] as const,
  );
  expect(Object.fromEntries(handlers)).toEqual(told);
});
