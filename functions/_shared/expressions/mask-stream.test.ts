// Masking of a text in pieces: the same as of the whole text, however it is split.

import assert from 'node:assert/strict';
import { createMask } from './mask.ts';
import { createMaskedText } from './mask-stream.ts';

function shown(secrets: readonly string[], pieces: readonly string[]): string[] {
  const masked = createMaskedText(secrets);
  return [...pieces.map((piece) => masked.add(piece)), masked.end()];
}

Deno.test('a secret is masked wherever a text is split, and no part of it is shown', () => {
  const secret = 'sk-ab/ab"1';
  for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
    const text = `before ${form} and ${form}${form} after`;
    const whole = createMask([secret])(text);
    for (let first = 0; first <= text.length; first += 1) {
      for (const second of [first, first + 1, first + 4, text.length]) {
        const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        assert.equal(shown([secret], pieces).join(''), whole);
      }
    }
    assert.equal(shown([secret], [...text]).join(''), whole);
  }
});

Deno.test('a secret that contains its own beginning, or another secret, is not shown in part', () => {
  const cases: [string[], string][] = [
    [['abab'], 'xxabababyy'],
    [['abcdabcd', 'dabc'], 'abcdabcdabcd'],
    [['aaaa'], 'aaaaaaa b'],
  ];
  for (const [secrets, text] of cases) {
    for (let at = 0; at <= text.length; at += 1) {
      const joined = shown(secrets, [text.slice(0, at), text.slice(at)]).join('');
      for (const secret of secrets) assert.ok(!joined.includes(secret), joined);
    }
  }
});

Deno.test('only a text that may become a secret waits', () => {
  assert.deepEqual(shown(['sk-1234'], ['Hello ', 'sk', '-1 or', ' sk-12', '34!']), [
    'Hello ',
    '',
    'sk-1 or',
    ' ',
    '***!',
    '',
  ]);
  assert.deepEqual(shown([], ['a', 'b']), ['a', 'b', '']);
});
