// The error codes of the functions and those of the database are one list.

import { expect, test } from 'vitest';
import { ERRORS, SQLSTATES } from '../../functions/_shared/errors/map.ts';
import { pool } from '../support/stack.ts';

test('stepbase.error_codes has the codes, titles and statuses of the HTTP API', async () => {
  const { rows } = await pool().query<{ name: string; http_status: number; title: string }>(
    'select name, http_status, title from stepbase.error_codes order by ordinal',
  );
  expect(rows.map(({ name, http_status, title }) => [name, http_status, title])).toEqual(
    Object.entries(ERRORS).map(([name, { status, title }]) => [name, status, title]),
  );
});

test('each SQLSTATE of class SB has the same code on both sides', async () => {
  const { rows } = await pool().query<{ sqlstate: string; name: string }>(
    'select sqlstate, name from stepbase.error_codes where sqlstate is not null',
  );
  const own = Object.entries(SQLSTATES).filter(([state]) => state.startsWith('SB'));
  expect(Object.fromEntries(rows.map(({ sqlstate, name }) => [sqlstate, name]))).toEqual(
    Object.fromEntries(own),
  );
});

test.each([
  ['limit_reached', 'SB429'],
  ['immutable', 'SB424'],
])('raise_error finds the SQLSTATE of %s', async (code, sqlstate) => {
  const call = pool().query(
    "select stepbase_private.raise_error($1, 'no more', jsonb_build_object('limit', 7))",
    [code],
  );
  await expect(call).rejects.toMatchObject({
    code: sqlstate,
    message: 'no more',
    detail: JSON.stringify({ code, limit: 7 }).replace(/([:,])/g, '$1 '),
  });
});

test('a code that does not exist is an error of its own, never an unmapped SQLSTATE', async () => {
  const call = pool().query("select stepbase_private.raise_error('no_such_code', 'text')");
  await expect(call).rejects.toMatchObject({ code: '22004' });
});
