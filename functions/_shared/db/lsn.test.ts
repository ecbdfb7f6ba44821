// Positions of the WAL as text and as numbers.
import assert from 'node:assert/strict';
import { lsnText, parseLsn } from './lsn.ts';

Deno.test('positions are compared as numbers, not as text', () => {
  const [small, large] = [parseLsn('9/FFFFFFFF'), parseLsn('A/0')];
  assert.ok(small !== undefined && large !== undefined && small < large);
  assert.equal(large - small, 1n);
});

Deno.test('a position is written as PostgreSQL writes it', () => {
  for (const text of ['0/0', '0/16B3748', '16/B374D848', 'FFFFFFFF/FFFFFFFF']) {
    assert.equal(lsnText(parseLsn(text) ?? -1n), text);
  }
});

Deno.test('other texts are no positions', () => {
  for (const text of [
    '',
    '0',
    '0/',
    '/0',
    '0/0/0',
    '0/G',
    '123456789/0',
    ' 0/0',
    '0/0; select 1',
  ]) {
    assert.equal(parseLsn(text), undefined, text);
  }
});
