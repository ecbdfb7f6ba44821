// Errors in words: a refusal of the server that names its rule explains itself, others get a text, and none is raw.

import { expect, test } from 'vitest';
import { ApiError, describe, explain } from '../../web/src/shared/errors.ts';

test('errors of the transport have a text and a code', () => {
  for (const message of ['TypeError: Failed to fetch', 'NetworkError when attempting to fetch']) {
    expect(describe(new Error(message))).toMatchObject({
      text: 'The server cannot be reached. Check your connection and try again.',
      code: 'server_unreachable',
    });
  }
  expect(explain({ code: 'PGRST303', message: 'JWT expired', details: null })).toBe(
    'Your session has ended. Sign in again.',
  );
});

test('a row that is not there is not found, in the words of the page', () => {
  const missing = {
    code: 'PGRST116',
    message: 'Cannot coerce the result to a single JSON object',
    details: 'The result contains 0 rows',
  };
  expect(explain(missing)).toContain('does not exist');
  expect(explain(missing, { not_found: 'There is no such run.' })).toBe('There is no such run.');
});

test('a refusal that names its rule keeps its words, another one gets a general text', () => {
  const refusal = (details: object) => ({
    code: 'SB403',
    message: 'This task is not yours to complete',
    details: JSON.stringify(details),
  });
  expect(explain(refusal({ code: 'permission_denied' }))).toBe(
    'Your role does not allow this action.',
  );
  expect(explain(refusal({ code: 'permission_denied', rule: 'assignee' }))).toBe(
    'This task is not yours to complete',
  );
});

test('faults of fields are listed with their paths', () => {
  const error = {
    code: 'SB422',
    message: 'The input does not match',
    details: JSON.stringify({
      code: 'invalid_input',
      errors: [{ path: '/email', message: 'must be a valid email' }, { message: 'is too large' }],
    }),
  };
  expect(describe(error)).toEqual({
    text: 'The input does not match: /email must be a valid email; is too large',
    code: 'invalid_input',
    fields: [
      { path: '/email', message: 'must be a valid email' },
      { path: '', message: 'is too large' },
    ],
  });
});

test('a problem of the HTTP API has a text of its own', () => {
  expect(describe(new ApiError('The link has expired.', 'not_found'))).toEqual({
    text: 'The link has expired.',
    code: 'not_found',
    fields: [],
  });
});
