// Masking: no form of a secret remains in a result, and nothing else changes.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMask } from './mask.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

function base64(text: string): string {
  let binary = '';
  for (const byte of bytesOf(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const urlSafe = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_');
const hex = (text: string) =>
  Array.from(bytesOf(text), (byte) => byte.toString(16).padStart(2, '0')).join('');
const ascii = (json: string) =>
  json.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Encodings of a whole text that contains a secret. */
const encodings: Record<string, (text: string) => string> = {
  plain: (text) => text,
  json: (text) => JSON.stringify({ text }),
  'json with escaped slashes': (text) => JSON.stringify({ text }).replaceAll('/', '\\/'),
  'json in ascii': (text) => ascii(JSON.stringify({ text })),
  'uri component': (text) => encodeURIComponent(text),
  'uri component in lower case': (text) =>
    encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
  form: (text) => new URLSearchParams({ text }).toString(),
  base64,
  'base64 without padding': (text) => base64(text).replaceAll('=', ''),
  base64url: (text) => urlSafe(base64(text)),
  hex,
  'hex in upper case': (text) => hex(text).toUpperCase(),
};

/** Secrets with quotes, slashes, umlauts, characters beyond the BMP and control characters. */
const secrets = fc.string({ minLength: 8, maxLength: 60, unit: 'grapheme' });
const around = fc.string({ maxLength: 20, unit: 'grapheme' });

Deno.test('a secret at any place of an encoded text is masked', () => {
  fc.assert(
    fc.property(
      secrets,
      around,
      around,
      fc.constantFrom(...Object.keys(encodings)),
      (secret, before, after, name) => {
        const encode = encodings[name] ?? String;
        const masked = createMask([secret])(encode(before + secret + after));
        // Base64 keeps the characters at both ends that the neighbours decide, too.
        assert.ok(masked.includes('***'), `${name}: ${masked}`);
        for (const [other, form] of Object.entries(encodings)) {
          const core = /base64/.test(other) ? form(secret).slice(0, -4) : '';
          assert.ok(core === '' || !masked.includes(core), `${other}: ${masked}`);
        }
        assert.ok(!masked.includes(secret) || '***'.includes(secret), `${name}: ${masked}`);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test('at most four bits at either end of a secret remain in base64', () => {
  fc.assert(
    fc.property(secrets, around, around, (secret, before, after) => {
      const text = base64(before + secret + after);
      const masked = createMask([secret])(text);
      const [head = '', tail = ''] = masked.split('***');
      const first = bytesOf(before).length;
      const end = first + bytesOf(secret).length;
      // The characters that remain belong to the neighbours, but for the one at each end.
      assert.ok(head.length <= Math.ceil((first * 8) / 6), masked);
      const rest = text.length - Math.floor((end * 8) / 6);
      assert.ok(tail.length <= rest, masked);
    }),
    { numRuns: 500 },
  );
});

Deno.test('a text without the secret does not change, nor do numbers, flags and null', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const mask = createMask(['Correct-Horse/Battery "Staple"']);
      assert.deepEqual(mask(value), value);
    }),
  );
});

Deno.test('names of properties and elements of lists are masked', () => {
  const mask = createMask(['very-secret-token']);
  assert.deepEqual(mask({ 'very-secret-token': ['a very-secret-token', 1, null] }), {
    '***': ['a ***', 1, null],
  });
});

Deno.test('a Basic authorization is masked', () => {
  const mask = createMask(['swordfish-1']);
  for (const user of ['', 'u', 'us', 'use', 'user']) {
    const masked = mask(`Basic ${base64(`${user}:swordfish-1`)}`);
    assert.match(masked, /^Basic [A-Za-z0-9+/]{0,7}\*\*\*[A-Za-z0-9+/]?={0,2}$/, user);
  }
});

Deno.test('a text that was cut within any form of a secret contains no part of it', () => {
  const secret = 'k3y/0123456789 "ü"';
  const mask = createMask([secret]);
  for (const [name, encode] of Object.entries(encodings)) {
    const text = encode(secret);
    const start = /json/.test(name) ? '{"text":"'.length : name === 'form' ? 'text='.length : 0;
    for (let length = start + 8; length < text.length - 4; length += 1) {
      assert.equal(mask(`got ${text.slice(0, length)}…`), `got ${text.slice(0, start)}***…`, name);
    }
  }
});
