// Descriptors: complete, all listed, and free of anything that a browser or an SDK could not import.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type StepType, stepTypes } from './index.ts';

const FOLDER = new URL('.', import.meta.url);
const sources = readdirSync(fileURLToPath(FOLDER.href)).filter(
  (name) => !name.endsWith('.test.ts'),
);
const HELPERS = ['agent-tools.ts', 'config.ts', 'define.ts', 'index.ts', 'model-config.ts'];

const FIELDS: Record<keyof StepType, (value: unknown) => boolean> = {
  name: (value) => /^[a-z][a-z0-9_]*$/.test(String(value)),
  label: isText,
  description: (value) => isText(value) && String(value).endsWith('.'),
  icon: (value) => /^[a-z][a-z-]*$/.test(String(value)),
  color: (value) => /^#[0-9a-f]{6}$/.test(String(value)),
  category: isText,
  config: (value) => typeof (value as { safeParse?: unknown }).safeParse === 'function',
  urlKeys: isListOfTexts,
  rawKeys: (value) =>
    Object.values(value as object).every((key) => /^(jsonata|javascript)$/.test(key)),
  handles: (value) => value === 'any' || isListOfTexts(value),
  defaultTimeoutMs: (value) => value === null || Number(value) > 0,
  deadlineKeys: isListOfTexts,
  waitKind: (value) => value === null || isText(value),
  isTask: isBoolean,
  isComponent: isBoolean,
  isActivity: isBoolean,
  mayUseSecrets: isBoolean,
  isPure: isBoolean,
  isBrief: isBoolean,
  hasRetryableErrors: isBoolean,
  allowedInForEach: isBoolean,
  allowedInCompensation: isBoolean,
};

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

for (const stepType of stepTypes) {
  Deno.test(`${stepType.name} states every field, and only those`, () => {
    assert.deepEqual(Object.keys(stepType).sort(), Object.keys(FIELDS).sort());
    for (const [field, isValid] of Object.entries(FIELDS)) {
      assert.ok(isValid(stepType[field as keyof StepType]), field);
    }
  });

  Deno.test(`${stepType.name} does not contradict itself`, () => {
    const keys = Object.keys(stepType.config.shape);
    const { rawKeys, deadlineKeys, urlKeys } = stepType;
    for (const key of [...deadlineKeys, ...urlKeys, ...Object.keys(rawKeys)]) {
      assert.ok(keys.includes(key), `its config has no key ${key}`);
    }
    const { isPure, isBrief, isActivity, isComponent, mayUseSecrets, waitKind } = stepType;
    assert.ok(!isBrief || isPure, 'a brief type that is not pure is never executed eagerly');
    assert.ok(
      !isPure || (waitKind === null && !isActivity && !mayUseSecrets),
      'pure, with effects',
    );
    // A component may complete at once or wait: an agent waits for its tools.
    const mayWait = waitKind !== null || isComponent;
    assert.ok(stepType.deadlineKeys.length === 0 || mayWait, 'a deadline without a wait');
    assert.ok(stepType.defaultTimeoutMs !== null || waitKind !== null, 'neither works nor waits');
    assert.ok(!isComponent || stepType.isTask || keys.includes('component'), 'names no component');
  });
}

Deno.test('each file describes one type, named as the file, and the index lists it', async () => {
  const files = sources.filter((name) => !HELPERS.includes(name));
  const described: unknown[] = [];
  for (const file of files) {
    const exported: unknown[] = Object.values(await import(new URL(file, FOLDER).href));
    assert.equal(exported.length, 1, file);
    const [stepType] = exported as [StepType];
    assert.equal(file, `${stepType.name.replaceAll('_', '-')}.ts`);
    described.push(stepType);
  }
  assert.deepEqual(new Set(described), new Set(stepTypes));
});

for (const file of sources) {
  Deno.test(`${file} imports nothing but zod, its neighbours and helpers for text`, () => {
    const source = readFileSync(fileURLToPath(new URL(file, FOLDER).href), 'utf8');
    for (const [, from] of source.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)) {
      assert.match(from ?? 'import()', /^(zod|\.\/[a-z-]+\.ts|\.\.\/text\/[a-z-]+\.ts)$/);
    }
    assert.doesNotMatch(source, /\b(Deno|process|Buffer|require|window|document)\s*[.(]/);
  });
}
