// A number that is written in an expression must be the number that the expression computes with.

import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import fc from 'fast-check';
import { isUnsafeNumber } from '../text/json-numbers.ts';
import { ExpressionError } from './errors.ts';
import { compileExpression } from './jsonata.ts';
import { isUnsafeJavaScriptLiteral, unsafeJavaScriptLiterals } from './literals.ts';
import { compileTemplate } from './template.ts';

function codeOf(expression: string): string {
  try {
    compileExpression(expression);
    return 'none';
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return error.code;
  }
}

Deno.test('an expression with a number that a double cannot hold is refused', () => {
  for (const expression of [
    'input.id = 9007199254740993',
    '-9007199254740993',
    '[1..3].($ * 0.1234567890123456789)',
    '{"a": [1, {"b": steps.x.output[id = 76159173374952512310]}]}',
    'function($x) { $x + 1e-400 }',
    '$sum(input.items[0].{"v": 3.14159265358979323846}.v)',
    'input ~> |items|{"id": 9223372036854775807}|',
    'input.items^(>id + 9223372036854775807)',
    '$replace(input.t, /"/, "") & 12345678901234567890',
    '1-9007199254740993',
  ]) {
    strictEqual(codeOf(expression), 'unsafe_number', expression);
  }
  for (const expression of [
    'input.id = "9007199254740993"',
    'input.`9007199254740993`',
    '/* 9007199254740993 */ 1',
    '$match(input.t, /9007199254740993/)',
    '9007199254740992 + 0.30000000000000004 + 1e22 + 1.10',
    'input.a9007199254740993',
  ]) {
    strictEqual(codeOf(expression), 'none', expression);
  }
  throws(() => compileTemplate({ a: { b: ['id {{ 9007199254740993 }}'] } }), {
    code: 'unsafe_number',
    message: /^a\.b\[0\]: .*9007199254740993/,
  });
});

Deno.test('exactly the unsafe numbers are refused, wherever they stand', () => {
  const literal = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 66n }).map(String),
    fc
      .tuple(fc.nat(), fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.integer({ min: -30, max: 30 }))
      .map(([whole, fraction, exponent]) => `${whole}.${fraction}e${exponent}`),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(String),
  );
  const frame = fc.constantFrom(
    (n: string) => n,
    (n: string) => `-${n}`,
    (n: string) => `[1, ${n}]`,
    (n: string) => `input.list[value > ${n}].{"n": x}`,
    (n: string) => `(input.a ? $f(${n}) : 2) & "12345678901234567890"`,
  );
  fc.assert(
    fc.property(literal, frame, (number, write) => {
      const code = codeOf(write(number));
      // JSONata refuses numbers beyond the largest double itself.
      if (Number.isFinite(Number(number)))
        strictEqual(code === 'unsafe_number', isUnsafeNumber(number));
      else ok(code !== 'none');
    }),
    { numRuns: 500 },
  );
});

Deno.test('literals of JavaScript are compared with the number that they become', () => {
  const unsafe = [
    '9007199254740993',
    '9_007_199_254_740_993',
    '0x20000000000001',
    '1e999',
    '.12345678901234567890',
    '0b1'.padEnd(58, '1'),
  ];
  const safe = [
    '9007199254740993n',
    '0x20000000000001n',
    '0xffff',
    '1_000.5e3',
    '5.',
    '.5',
    '0',
    '017',
    '1e21',
    '0x20000000000000',
  ];
  deepStrictEqual(
    unsafe.filter((raw) => !isUnsafeJavaScriptLiteral(raw)),
    [],
  );
  deepStrictEqual(safe.filter(isUnsafeJavaScriptLiteral), []);
});

Deno.test('literals are found in a syntax tree of JavaScript', () => {
  const literal = (raw: string, value: unknown, end: number) => ({
    type: 'Literal',
    raw,
    value,
    end,
  });
  const tree = {
    type: 'Program',
    body: [
      {
        left: literal('9007199254740993', 9007199254740992, 20),
        right: literal("'1e999'", '1e999', 30),
      },
      { type: 'UnaryExpression', argument: literal('1e999', Number.POSITIVE_INFINITY, 40) },
      literal('5n', 5n, 50),
      literal('1.50', 1.5, 60),
    ],
  };
  deepStrictEqual(unsafeJavaScriptLiterals(tree), [
    { text: '9007199254740993', position: 20 },
    { text: '1e999', position: 40 },
  ]);
});
