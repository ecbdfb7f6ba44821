// JSON Schemas of tenants reach the worker at several places. At each of them a pattern with endless backtracking is
// stopped, other work of the process continues, and no RegExp of the host is built from it.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExpressionError } from '../../_shared/expressions/errors.ts';
import { evaluateQuery } from '../../_shared/expressions/query.ts';
import { StepError } from './errors.ts';
import { afterAll, runStep, testContext, testEnv } from './testing.ts';
import type { Component } from './types.ts';

const service = Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: () => undefined },
  async (request) => {
    const body = (await request.json()) as { input?: { text: string } };
    if (!request.url.includes('/chat/completions')) return Response.json(body.input);
    const message = { role: 'assistant', content: JSON.stringify({ text: answer }) };
    return Response.json({
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
  },
);
afterAll(() => service.shutdown());

let answer = '';
const base = `http://127.0.0.1:${service.addr.port}`;
const env = testEnv({ OPENAI_BASE_URL: `${base}/`, OPENAI_API_KEY: 'k' });
const component: Component = {
  id: '019a0000-0000-7000-8000-0000000000c0',
  name: 'victim',
  version: '1.0.0',
  type: 'service_task',
  is_active: true,
  endpoint: `${base}/echo`,
  timeout_ms: 5_000,
  callback_timeout_ms: 60_000,
  heartbeat_timeout_ms: null,
  model: null,
  input_schema: null,
  output_schema: null,
  ui_widget_id: null,
  ui_definitions: {},
  prompt: null,
  prompt_variables: {},
};

type Entry = (schema: Record<string, unknown>, text: string) => Promise<unknown>;

const asService =
  (part: 'input_schema' | 'output_schema'): Entry =>
  (schema, text) =>
    runStep(
      'service_task',
      { component: 'victim', input: { text } },
      testContext({ env, component: { ...component, [part]: schema } }),
    );
const asAgent =
  (part: 'input_schema' | 'output_schema'): Entry =>
  (schema, text) => {
    answer = text;
    const agent: Component = {
      ...component,
      type: 'ai_agent_task',
      endpoint: null,
      model: 'm',
      prompt: 'p',
      [part]: schema,
    };
    return runStep(
      'ai_agent_task',
      { component: 'victim', input: { text } },
      testContext({ env, component: agent }),
    );
  };

const entries: [string, Entry][] = [
  ['input_schema of a service', asService('input_schema')],
  ['output_schema of a service', asService('output_schema')],
  ['input_schema of an agent', asAgent('input_schema')],
  ['output_schema of an agent', asAgent('output_schema')],
  [
    'response_schema of llm_call',
    (schema, text) => {
      answer = text;
      const config = { model: 'm', prompt: 'p', response_schema: schema };
      return runStep('llm_call', config, testContext({ env }));
    },
  ],
  [
    'return_type of a query',
    (return_type, text) =>
      evaluateQuery('q', { expression: 'input', state: { input: { text } }, return_type }),
  ],
];

const attacks: [string, string][] = [
  ['^(x|xx)+y$', `${'x'.repeat(60)}z`],
  ['^(\\w+\\s?)*$', `${'word '.repeat(20)}!`],
  ['^(a*)*$', `${'a'.repeat(60)}!`],
  ['(b+)+c', 'b'.repeat(60)],
];

/** The sources of all RegExps that the host builds while `work` runs. */
async function sourcesBuilt(work: () => Promise<void>): Promise<string[]> {
  const Original = globalThis.RegExp;
  const sources: string[] = [];
  globalThis.RegExp = new Proxy(Original, {
    construct(target, args: [string | RegExp, string?], newTarget: typeof Original) {
      sources.push(String(args[0]));
      return Reflect.construct(target, args, newTarget) as RegExp;
    },
    apply(target, self, args: [string | RegExp, string?]) {
      sources.push(String(args[0]));
      return Reflect.apply(target, self, args) as RegExp;
    },
  });
  try {
    await work();
  } finally {
    globalThis.RegExp = Original;
  }
  return sources;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof StepError || error instanceof ExpressionError) return error.code;
    throw error;
  }
}

const textSchema = (pattern: string) => ({
  type: 'object',
  properties: { text: { type: 'string', pattern } },
});

for (const [name, entry] of entries) {
  Deno.test(`${name}: a pattern is stopped, and other work continues`, async () => {
    const begun = performance.now();
    assert.equal(await codeOf(entry(textSchema('^ok-1$'), 'ok-1')), 'none');
    assert.notEqual(await codeOf(entry(textSchema('^ok-1$'), 'no')), 'none');
    const ordinary = performance.now() - begun;
    for (const [pattern, text] of attacks) {
      let longest = 0;
      let last = performance.now();
      const tick = () => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      };
      const timer = setInterval(tick, 5);
      const built = await sourcesBuilt(async () => {
        assert.equal(await codeOf(entry(textSchema(pattern), text)), 'expression_timeout', pattern);
      });
      clearInterval(timer);
      tick();
      // The budget is 250 ms; without one, each pattern takes minutes.
      assert.ok(longest < 1_000 + 20 * ordinary, `${pattern}: blocked for ${longest} ms`);
      assert.deepEqual(
        built.filter((source) => source.includes(pattern)),
        [],
      );
    }
  });
}

Deno.test('only the sandbox and constants build a RegExp from a string', async () => {
  const root = fileURLToPath(import.meta.resolve('../../'));
  const found: string[] = [];
  for (const file of await readdir(root, { recursive: true })) {
    if (!file.endsWith('.ts') || file.includes('.test.') || file.includes('node_modules')) continue;
    const text = await readFile(join(root, file), 'utf8');
    if (/\b(?<!Sandboxed)RegExp\(/.test(text)) found.push(file);
  }
  assert.deepEqual(found.sort(), [
    '_shared/expressions/regex.ts',
    '_shared/step-types/config.ts',
    '_shared/step-types/http-request.ts',
    // From the check constraints of the schema, and from the list of statuses.
    'api/routes/runs.ts',
    'api/rows.ts',
  ]);
});
