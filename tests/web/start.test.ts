// Inputs that the start form proposes, the code that it shows, and names of copies.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { codeOf, type Start } from '../../web/src/start/code.ts';
import { distinctInputs, examplesOf, firstInput, summaryOf } from '../../web/src/start/inputs.ts';
import { argumentsOf, NO_OPTIONS } from '../../web/src/start/options.ts';
import { kebabOf } from '../../web/src/workflows/kebab.ts';
import { percent } from '../../web/src/workflows/percent.ts';
import { inUnits, toSeconds } from '../../web/src/workflows/settings/general.ts';

const SCHEMA = {
  type: 'object',
  properties: { id: { type: 'string', examples: ['7'] }, note: { type: 'string' } },
  examples: [{ id: '1' }, { id: '2', note: 'x' }, 'not an input'],
};

test('the form begins with an example, or an empty object', () => {
  expect(firstInput(SCHEMA)).toEqual({ id: '1' });
  expect(firstInput({ properties: SCHEMA.properties })).toEqual({ id: '7' });
  expect(firstInput({ type: 'object' })).toEqual({});
  expect(firstInput(null)).toEqual({});
  expect(firstInput({ examples: ['text'] })).toEqual({});
  expect(examplesOf(SCHEMA)).toEqual([{ id: '1' }, { id: '2', note: 'x' }]);
});

test('a recent input is shown once, by the values in which it differs', () => {
  const rows = [
    { a: 1, b: [{ c: 1, d: 2 }] },
    { b: [{ d: 2, c: 1 }], a: 1 },
    { a: 2, b: [] },
  ].map((input) => ({ input }));
  const distinct = distinctInputs(rows, 5).map(({ input }) => input);
  expect(distinct).toEqual([rows[0]?.input, rows[2]?.input]);
  expect(distinctInputs(rows, 1)).toHaveLength(1);
  const inputs = [
    { shop: 'https://a.example', id: '1' },
    { shop: 'https://a.example', id: '2' },
  ];
  expect(summaryOf({ shop: 'https://a.example', id: '2' }, inputs)).toBe('id 2');
  expect(summaryOf({ id: 1, on: true })).toBe('id 1, on true');
  expect(summaryOf({})).toBe('Empty input');
});

test('only options that are set are sent', () => {
  expect(argumentsOf(NO_OPTIONS)).toEqual({});
  const startAt = '2030-01-01T08:00';
  expect(
    argumentsOf({ version: 2, priority: 0, idempotencyKey: ' k ', tags: ['vip'], startAt }),
  ).toEqual({
    version: 2,
    priority: 0,
    idempotency_key: 'k',
    tags: ['vip'],
    start_at: new Date(startAt).toISOString(),
  });
});

const START: Start = {
  workflow: 'order-triage',
  input: JSON.stringify(
    { text: 'it\'s "5" $HOME\nx', n: 12345678901234567890n.toString() },
    null,
    2,
  ),
  options: {
    idempotency_key: "k'1",
    version: 3,
    tags: ['a', 'b'],
    start_at: '2030-01-01T00:00:00Z',
  },
  api: 'http://127.0.0.1/functions/v1/stepbase-api',
};

/** Runs the code with functions that record what it calls. */
async function called(code: string): Promise<unknown[]> {
  const body = code.replaceAll(/^import .*$/gm, '');
  const calls: unknown[] = [];
  const record = (...args: unknown[]) => {
    calls.push(...args);
    return { data: null, error: null, result: () => null };
  };
  const run = new Function(
    'createClient',
    'createStepbase',
    'url',
    'publishableKey',
    `return (async () => {${body}})()`,
  );
  await run(
    () => ({ rpc: record }),
    () => ({ start: record }),
    '',
    '',
  );
  return calls;
}

test('the code starts the same run', async () => {
  const input = JSON.parse(START.input) as unknown;
  expect(await called(codeOf('sdk', START))).toEqual([
    'order-triage',
    input,
    { idempotencyKey: "k'1", version: 3, tags: ['a', 'b'], startAt: '2030-01-01T00:00:00Z' },
  ]);
  expect(await called(codeOf('sdk', { ...START, options: {} }))).toEqual(['order-triage', input]);
  expect(await called(codeOf('supabase', START))).toEqual([
    'start_run',
    { workflow: 'order-triage', input, ...START.options },
  ]);
  // The shell reads the arguments as they are meant.
  const printed = execFileSync(
    'sh',
    ['-c', `curl() { printf '%s\\0' "$@"; }\n${codeOf('curl', START)}`],
    {
      encoding: 'utf8',
      env: { ...process.env, STEPBASE_KEY: 'sbk_1' },
    },
  ).split('\0');
  const { idempotency_key: key, ...options } = START.options;
  expect(printed).toContain(`${START.api}/v1/workflows/order-triage/runs`);
  expect(printed).toContain('Authorization: Bearer sbk_1');
  expect(printed).toContain(`Idempotency-Key: ${key}`);
  expect(JSON.parse(printed[printed.indexOf('-d') + 1] ?? '')).toEqual({ input, ...options });
});

test('names, shares and times of workflows', () => {
  expect(kebabOf('Copy of Größe & Co.')).toBe('copy-of-grosse-co');
  expect(kebabOf('  Éclair 2 ')).toBe('eclair-2');
  expect(kebabOf(`${'x'.repeat(99)} yz`)).toMatch(/^x{99}$/);
  expect(percent(0.99996)).toBe('99.9 %');
  expect(percent(1)).toBe('100 %');
  expect(percent(null)).toBe('–');
  expect(inUnits(1_209_600)).toEqual({ timeout: 14, unit: 'days' });
  expect(inUnits(90)).toEqual({ timeout: 90, unit: 'seconds' });
  for (const seconds of [1, 60, 5_400, 86_400]) {
    const { timeout, unit } = inUnits(seconds);
    expect(toSeconds(timeout, unit)).toBe(seconds);
  }
});
