// llm_call against an endpoint with the chat protocol: text, structured output, and every error.

import assert from 'node:assert/strict';
import { startModel } from '../../../scripts/fakes/model.ts';
import {
  afterAll,
  failureOf,
  outputOf,
  quotaError,
  refusalOf,
  testContext,
  testEnv,
} from './testing.ts';
import type { CalledModel, ModelUse } from './types.ts';

const model = await startModel();
afterAll(() => model.stop());

const ctx = testContext({
  env: testEnv({ OPENAI_BASE_URL: `${model.url}/`, OPENAI_API_KEY: model.apiKey }),
});

const schema = {
  type: 'object',
  properties: {
    category: { type: 'string', enum: ['praise', 'question', 'complaint'] },
    urgent: { type: 'boolean' },
  },
  required: ['category', 'urgent'],
  additionalProperties: false,
};

interface Output {
  text: string;
  object?: unknown;
  usage: { input_tokens: number; output_tokens: number; total_tokens: number };
  cost: number | null;
  provider: string;
  model: string;
}

Deno.test('a prompt returns text and usage', async () => {
  const output = (await outputOf(
    'llm_call',
    { model: 'small', system: 'Be brief.', prompt: 'How are you?', temperature: 0 },
    ctx,
  )) as Output;
  assert.equal(output.text, 'You asked: How are you? (3 words)');
  assert.deepEqual(output.usage, {
    input_tokens: 5,
    output_tokens: 7,
    total_tokens: 12,
    cached_input_tokens: null,
    reasoning_tokens: null,
  });
  assert.deepEqual(
    [output.cost, output.provider, output.model],
    [null, 'openai-compatible', 'small'],
  );
  assert.equal('object' in output, false);
  const call = model.calls.all.at(-1);
  assert.deepEqual(call?.messages[0], { role: 'system', content: 'Be brief.' });
  assert.equal(call?.headers['idempotency-key'], 'run-1:step:0');
});

Deno.test('with a response schema the result contains a checked object', async () => {
  const ask = async (prompt: string): Promise<unknown> =>
    (
      (await outputOf(
        'llm_call',
        { model: 'small', prompt, response_schema: schema },
        ctx,
      )) as Output
    ).object;
  assert.deepEqual(await ask('Urgent: it arrived broken.'), {
    category: 'complaint',
    urgent: true,
  });
  assert.deepEqual(await ask('Thank you so much!'), { category: 'praise', urgent: false });
});

Deno.test('messages are sent unchanged, a structured prompt as JSON', async () => {
  const messages = [
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'two' },
    { role: 'user', content: 'three' },
  ];
  await outputOf('llm_call', { model: 'small', messages }, ctx);
  assert.deepEqual(model.calls.all.at(-1)?.messages, messages);
  await outputOf('llm_call', { model: 'small', prompt: { a: 1 } }, ctx);
  assert.equal(model.calls.all.at(-1)?.messages[0]?.content, '{"a":1}');
});

Deno.test('a response that is not JSON, or does not match the schema, is retryable', async () => {
  const error = await failureOf(
    'llm_call',
    { model: 'babbler', prompt: 'x', response_schema: schema },
    ctx,
  );
  assert.deepEqual([error.code, error.retryable], ['llm_invalid_output', true]);
  const misfit = await failureOf(
    'llm_call',
    {
      model: 'small',
      prompt: 'x',
      // The endpoint ignores minLength, as a real model may do.
      response_schema: { type: 'object', properties: { a: { type: 'string', minLength: 500 } } },
    },
    ctx,
  );
  assert.equal(misfit.code, 'llm_invalid_output');
  assert.match(JSON.stringify(misfit.details), /"path":"\/a"/);
});

Deno.test('overload and rate limits are retryable, refusals are not', async () => {
  const refused = await failureOf('llm_call', { model: 'refuser', prompt: 'x' }, ctx);
  assert.deepEqual([refused.code, refused.retryable], ['llm_refused', false]);
  const overloaded = await failureOf('llm_call', { model: 'overloaded', prompt: 'x' }, ctx);
  assert.deepEqual([overloaded.code, overloaded.retryable], ['http_server_error', true]);
  const limited = await failureOf('llm_call', { model: 'rate-limited', prompt: 'x' }, ctx);
  assert.deepEqual([limited.retryable, limited.retryAfterMs], [true, 2_000]);
});

Deno.test('a wrong key is not retryable and is not part of the error', async () => {
  const wrong = testContext({
    env: testEnv({ OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'sk-wrong-key' }),
  });
  const error = await failureOf('llm_call', { model: 'small', prompt: 'x' }, wrong);
  assert.deepEqual([error.code, error.retryable], ['llm_invalid_key', false]);
  assert.ok(!JSON.stringify(error).includes('sk-wrong-key'));
});

Deno.test('a config has either a prompt or messages', async () => {
  for (const config of [{}, { prompt: 'x', messages: [{ role: 'user', content: 'x' }] }]) {
    const error = await failureOf('llm_call', { model: 'small', ...config }, ctx);
    assert.equal(error.code, 'invalid_config');
  }
});

Deno.test('a call and its tokens are counted', async () => {
  const counted: unknown[] = [];
  const usage = {
    ...ctx.usage,
    countLlmCall: (called: CalledModel) => Promise.resolve(void counted.push(called)),
    countTokens: (use: ModelUse) => {
      counted.push([use.provider, use.model, use.input, use.output, use.total, use.price]);
      return Promise.resolve(0.25);
    },
  };
  const config = { model: 'small', prompt: 'How are you?', price: { input: 1, output: 2 } };
  const output = (await outputOf('llm_call', config, { ...ctx, usage })) as Output;
  const used = ['openai-compatible', 'small', 3, 7, 10, { input: 1, output: 2 }];
  const called = { provider: 'openai-compatible', model: 'small', price: { input: 1, output: 2 } };
  assert.deepEqual(counted, [{ ...called, is_operators: true }, used]);
  assert.equal(output.cost, 0.25);
  counted.length = 0;
  await failureOf('llm_call', { ...config, model: 'refuser' }, { ...ctx, usage });
  assert.equal(counted.length, 2);
});

Deno.test('without quota the model is not called, and the error says when to retry', async () => {
  const before = model.calls.all.length;
  const usage = {
    ...ctx.usage,
    countLlmCall: () => Promise.reject(quotaError('max_llm_calls_per_day')),
  };
  const refused = await failureOf('llm_call', { model: 'small', prompt: 'x' }, { ...ctx, usage });
  assert.equal(refused.code, 'limit_reached');
  assert.equal(refused.retryable, true);
  assert.equal(refused.retryAfterMs, 60_000);
  assert.equal(model.calls.all.length, before);
});

Deno.test('a spent budget is retryable in its next period, a model without a price is not, and neither is called', async () => {
  const before = model.calls.all.length;
  const fallbacks = [{ model: 'other' }];
  const refusedWith = (state: string, code: string) =>
    failureOf(
      'llm_call',
      { model: 'small', prompt: 'x', fallbacks },
      {
        ...ctx,
        usage: {
          ...ctx.usage,
          countLlmCall: () => Promise.reject(refusalOf(state, { code, retry_after_ms: 60_000 })),
        },
      },
    );
  const spent = await refusedWith('SB430', 'budget_exceeded');
  assert.deepEqual(
    [spent.code, spent.retryable, spent.retryAfterMs],
    ['budget_exceeded', true, 60_000],
  );
  const unpriced = await refusedWith('SB431', 'model_unpriced');
  assert.deepEqual([unpriced.code, unpriced.retryable], ['model_unpriced', false]);
  assert.equal(model.calls.all.length, before);
});
