// Numbers that a double cannot hold keep their digits, and all other JSON is parsed as JSON.parse does.

import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import fc from 'fast-check';
import {
  compareDecimals,
  decimalOf,
  exactNumber,
  isMultiple,
  isUnsafeNumber,
  parseJson,
  parseJsonToPassOn,
} from './json-numbers.ts';

const digits = (most: number) =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: most })
    .map((list) => list.join(''));
const whole = digits(24).map((text) => text.replace(/^0+(?=\d)/, ''));
const fraction = fc.oneof(
  fc.constant(''),
  digits(24).map((text) => `.${text}`),
);
const exponent = fc.oneof(
  fc.constant(''),
  fc
    .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.nat({ max: 400 }))
    .map((parts) => parts.join('')),
);
/** Any number as JSON may write it, and numbers around the limits of doubles. */
const numberText = fc.oneof(
  fc.tuple(fc.constantFrom('', '-'), whole, fraction, exponent).map((parts) => parts.join('')),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc
    .integer({ min: 53, max: 70 })
    .chain((power) =>
      fc.bigInt({ min: -9n, max: 9n }).map((more) => String(2n ** BigInt(power) + more)),
    ),
);

const spaces = fc.constantFrom('', ' ', '\n ');
const stringText = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\\', '\\"', '"', ' 12345678901234567890 ', ': 1e400,', '[12345678901234567,'),
  )
  .map((text) => JSON.stringify(text));

/** Without escapes: V8 confuses keys that consist of one escaped character. */
const keyText = fc
  .oneof(fc.string(), fc.constantFrom(': 1e400,', '12345678901234567890', '[1'))
  .map((text) => JSON.stringify(text.replaceAll(/["\\]/g, '_')));

/** JSON text with spaces, and its value when unsafe numbers become strings. */
const { json } = fc.letrec<{ json: { text: string; value: unknown } }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    numberText.map((text) => ({ text, value: isUnsafeNumber(text) ? text : Number(text) })),
    stringText.map((text) => ({ text, value: JSON.parse(text) as unknown })),
    fc
      .constantFrom('true', 'false', 'null')
      .map((text) => ({ text, value: JSON.parse(text) as unknown })),
    fc.tuple(spaces, fc.array(tie('json'), { maxLength: 4 })).map(([space, items]) => ({
      text: `[${items.map((item) => space + item.text + space).join(',')}]`,
      value: items.map((item) => item.value),
    })),
    fc
      .tuple(spaces, fc.array(fc.tuple(keyText, tie('json')), { maxLength: 4 }))
      .map(([space, entries]) => ({
        text: `{${entries.map(([key, item]) => `${key}${space}:${space}${item.text}`).join(',')}}`,
        value: Object.fromEntries(entries.map(([key, item]) => [JSON.parse(key), item.value])),
      })),
  ),
}));

Deno.test('a number is unsafe when its double is printed as another decimal value', () => {
  for (const text of [
    '0',
    '-0',
    '-0.0',
    '1.10',
    '1e5',
    '100000000000000000000',
    '1e+23',
    '9007199254740992000000e-6',
    '9007199254740992',
    '18014398509481990',
    '0.30000000000000004',
    '5e-324',
    '1.7976931348623157e308',
    '0e999',
    '1E2',
  ]) {
    strictEqual(isUnsafeNumber(text), false, text);
  }
  for (const text of [
    '9007199254740993',
    '18014398509481992',
    '-9223372036854775807',
    '0.1000000000000000055511151231257827',
    '3.14159265358979323846',
    '12345678901234567.89',
    '1e309',
    '-2E+400',
    '1e-400',
    '4e-324',
    '1.7976931348623158e308',
  ]) {
    strictEqual(isUnsafeNumber(text), true, text);
  }
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      strictEqual(isUnsafeNumber(String(value)), false);
    }),
  );
});

Deno.test('unsafe numbers become the strings of their digits, and nothing else changes', () => {
  fc.assert(
    fc.property(json, spaces, ({ text, value }, space) => {
      deepStrictEqual(parseJson(space + text + space), value);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test('a value that is passed on keeps its digits', () => {
  fc.assert(
    fc.property(json, ({ text, value }) => {
      const written = JSON.stringify(parseJsonToPassOn(text));
      // JSON.stringify writes -0 as 0, and so does PostgreSQL.
      strictEqual(JSON.stringify(parseJson(written)), JSON.stringify(value));
      ok(!/"-?\d{16,}"/.test(written) || /"[^"]*\d{16}/.test(text));
    }),
    { numRuns: 1_000 },
  );
  strictEqual(
    JSON.stringify(
      parseJsonToPassOn('{"a":[1e400,-12345678901234567.890,"9007199254740993",1.50]}'),
    ),
    '{"a":[1e400,-12345678901234567.890,"9007199254740993",1.5]}',
  );
});

Deno.test('text that is not JSON is refused as JSON.parse refuses it', () => {
  for (const text of [
    '',
    '{12345678901234567890:1}',
    '[012345678901234567890]',
    '[12345678901234567890.]',
    '1e400e400',
    '12345678901234567-12345678901234567',
    '[1e4000',
    '"12345678901234567890',
    '["\\',
    '-',
    '+12345678901234567890',
    '[.12345678901234567890]',
    '12345678901234567890 12345678901234567890',
  ]) {
    throws(() => parseJson(text), SyntaxError, text);
    throws(() => parseJsonToPassOn(text), SyntaxError, text);
  }
  const piece = fc.constantFrom(
    '12345678901234567',
    '1e999',
    '"',
    '\\',
    '[',
    ']',
    '{',
    '}',
    ':',
    ',',
    '-',
    '.',
    'e',
    ' ',
    '0',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      const isJson = (parse: (from: string) => unknown) => {
        try {
          parse(text);
          return true;
        } catch {
          return false;
        }
      };
      strictEqual(isJson(parseJson), isJson(JSON.parse));
      strictEqual(isJson(parseJsonToPassOn), isJson(JSON.parse));
    }),
    { numRuns: 3_000 },
  );
});

Deno.test('deep nesting, long strings and long lists need no more than linear time', () => {
  const deep = `${'['.repeat(100_000)}12345678901234567890${']'.repeat(100_000)}`;
  let inner: unknown = parseJson(deep);
  while (Array.isArray(inner)) inner = inner[0];
  strictEqual(inner, '12345678901234567890');
  const text = JSON.stringify({ a: '\\"'.repeat(500_000) });
  deepStrictEqual(parseJson(text), JSON.parse(text));
  const list = parseJson(`[${'12345678901234567890,'.repeat(100_000)}1]`);
  strictEqual((list as unknown[]).length, 100_001);
});

Deno.test('a key is never a number, and __proto__ is a key', () => {
  const text = '{"12345678901234567890":1,"__proto__":{"a":12345678901234567890}}';
  for (const value of [parseJson(text), parseJsonToPassOn(text)]) {
    deepStrictEqual(Object.keys(value as object), ['12345678901234567890', '__proto__']);
    strictEqual(Object.getPrototypeOf(value), Object.prototype);
  }
});

const scaled = fc.tuple(
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
  fc.integer({ min: 0, max: 20 }),
);
const written = ([value, places]: [bigint, number]): string => `${value}e-${places}`;
const common = ([value, places]: [bigint, number]): bigint => value * 10n ** BigInt(20 - places);

Deno.test('decimals are compared and divided exactly', () => {
  fc.assert(
    fc.property(scaled, scaled, (one, other) => {
      const difference = common(one) - common(other);
      const sign = difference === 0n ? 0 : difference < 0n ? -1 : 1;
      strictEqual(
        Math.sign(compareDecimals(decimalOf(written(one)), decimalOf(written(other)))),
        sign,
      );
      if (common(other) === 0n) return;
      strictEqual(
        isMultiple(decimalOf(written(one)), decimalOf(written(other))),
        common(one) % common(other) === 0n,
      );
      const product: [bigint, number] = [one[0] * 7n, one[1]];
      if (common(one) !== 0n) ok(isMultiple(decimalOf(written(product)), decimalOf(written(one))));
    }),
  );
  ok(isMultiple(decimalOf('1e400'), decimalOf('2e-3')));
  ok(!isMultiple(decimalOf('1e400'), decimalOf('3')));
});

Deno.test('only the digits of an unsafe number stand for a number', () => {
  deepStrictEqual(exactNumber('-9007199254740993.50'), {
    sign: -1,
    digits: '90071992547409935',
    exponent: -1,
  });
  for (const text of [
    '',
    '1',
    '9007199254740992',
    ' 9007199254740993',
    '+9007199254740993',
    '09007199254740993',
    'a9007199254740993',
    '9007199254740993n',
    '1e99999',
    '0x1fffffffffffffff',
    '1'.repeat(1_001),
  ]) {
    strictEqual(exactNumber(text), undefined, text);
  }
});
