// The list of errors that mean "the database is away", and its counterpart: rejected values.

import assert from 'node:assert/strict';
import { SQLSTATES, toAppError } from '../errors/index.ts';
import {
  AWAY_SQLSTATES,
  isContentFault,
  isDatabaseAway,
  isRejected,
  isStatementTimeout,
} from './faults.ts';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

const AWAY = [
  ...AWAY_SQLSTATES,
  ...['08000', '08003', '08006'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'],
];

for (const code of AWAY) {
  Deno.test(`${code}: the database is unavailable, and the API responds with "unavailable"`, () => {
    assert.equal(isDatabaseAway(withCode(code)), true);
    assert.equal(isRejected(withCode(code)), false);
    assert.equal(toAppError(withCode(code)).code, 'unavailable');
  });
}

for (const message of [
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
  'Query read timeout',
]) {
  Deno.test(`"${message}": the database is unavailable, and the API responds with "unavailable"`, () => {
    assert.equal(isDatabaseAway(new Error(message)), true);
    assert.equal(toAppError(new Error(message)).code, 'unavailable');
  });
}

for (const code of ['22P02', '23505', '54000', 'P0001', 'SB404']) {
  Deno.test(`${code}: the database rejects the values`, () => {
    assert.equal(isRejected(withCode(code)), true);
    assert.equal(isDatabaseAway(withCode(code)), false);
  });
}

Deno.test('57014: the content of the statement takes too long, but its values are not rejected', () => {
  const error = withCode('57014');
  assert.deepEqual([isStatementTimeout(error), isContentFault(error)], [true, true]);
  assert.deepEqual([isDatabaseAway(error), isRejected(error)], [false, false]);
});

Deno.test('a lock timeout and a deadlock are no fault of the content', () => {
  for (const code of ['55P03', '40P01', '40001']) {
    assert.equal(isContentFault(withCode(code)), false, code);
  }
});

Deno.test('other errors are neither an unavailable database nor a fault of the content', () => {
  const others = [new Error('out of memory'), withCode('40P01'), 'text', null];
  for (const error of others) {
    assert.deepEqual([isDatabaseAway(error), isContentFault(error)], [false, false], String(error));
  }
});

Deno.test('the map of SQLSTATEs contains every state of an unavailable database', () => {
  for (const state of AWAY_SQLSTATES) assert.equal(SQLSTATES[state], 'unavailable', state);
});
