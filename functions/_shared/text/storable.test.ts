// Text that PostgreSQL's JSON rejects, in each place and spelling in which it can occur.

import assert from 'node:assert/strict';
import { toJson } from '../expressions/json.ts';
import { cutText, storableJson, storableText, toStorableJson } from './storable.ts';

const HALF = '\ud83d';

Deno.test('half surrogate pairs and NUL are replaced, whole pairs are kept', () => {
  assert.equal(storableText(`a${HALF}b\u{1F600}\u0000\ude00`), 'a\uFFFDb\u{1F600}\uFFFD\uFFFD');
});

Deno.test('JSON is made storable in keys and values', () => {
  const value = { [`k${HALF}`]: ['\ude00', { 'n\u0000': '\u{1F600}' }] };
  const expected = { 'k\uFFFD': ['\uFFFD', { 'n\uFFFD': '\u{1F600}' }] };
  assert.deepEqual(JSON.parse(toStorableJson(value)), expected);
  assert.deepEqual(toJson(value), expected);
});

Deno.test('text that looks like an escape is not changed', () => {
  const value = ['\\u0000', '\\ud83d', '\\\\u0000', '\\', `\\${HALF}`, '"\\u0000"', '\u001f'];
  const expected = value.with(4, '\\\uFFFD');
  assert.deepEqual(JSON.parse(toStorableJson(value)), expected);
  assert.deepEqual(toJson(value), expected);
});

Deno.test('storable text is returned unchanged', () => {
  const json = JSON.stringify({ text: 'ü \u{1F600} \n \\u00', n: 1.5 });
  assert.equal(storableJson(json), json);
  assert.equal(toStorableJson(undefined), 'null');
});

Deno.test('a cut falls between characters', () => {
  assert.equal(cutText('ab\u{1F600}', 3), 'ab');
  assert.equal(cutText('ab\u{1F600}', 4), 'ab\u{1F600}');
  assert.equal(cutText('abcd', 3), 'abc');
});
