// llm_call: what endpoints and models really answer. Reasons to stop, usage, parts, and JSON among other text.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Reply, serveHttp } from '../../../scripts/fakes/http.ts';
import { jsonIn } from './llm-json.ts';
import { afterAll, failureOf, outputOf, testContext, testEnv } from './testing.ts';

let reply: Reply = {};
const server = await serveHttp(() => reply);
afterAll(() => server.stop());
const ctx = testContext({ env: testEnv({ OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'k' }) });

interface Output {
  text: string;
  object?: unknown;
  finish_reason: string | null;
  usage: unknown;
}

const says = (message: unknown, finish_reason: unknown = 'stop', more: object = {}) => {
  reply = { body: { choices: [{ index: 0, finish_reason, message }], ...more } };
};
const config = { model: 'm', prompt: 'hi' };
const ask = async (more: object = {}) =>
  (await outputOf('llm_call', { ...config, ...more }, ctx)) as Output;
const failure = async (more: object = {}) => {
  const error = await failureOf('llm_call', { ...config, ...more }, ctx);
  return [error.code, error.retryable];
};

Deno.test('usage counts what the endpoint tells, and is null if that is no count', async () => {
  const usageOf = async (usage: unknown) => {
    says({ content: 'hello' }, 'stop', { usage });
    return (await ask()).usage;
  };
  const none = {
    input_tokens: null,
    output_tokens: null,
    cached_input_tokens: null,
    reasoning_tokens: null,
  };
  assert.deepEqual(await usageOf({ prompt_tokens: 3 }), {
    ...none,
    input_tokens: 3,
    total_tokens: 3,
  });
  assert.deepEqual(await usageOf({ total_tokens: 9 }), { ...none, total_tokens: 9 });
  assert.deepEqual(
    await usageOf({
      prompt_tokens: 8,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 6 },
      completion_tokens_details: { reasoning_tokens: 4 },
    }),
    {
      input_tokens: 8,
      output_tokens: 5,
      total_tokens: 13,
      cached_input_tokens: 6,
      reasoning_tokens: 4,
    },
  );
  for (const usage of [undefined, null, 7, 'x', [1], {}, { prompt_tokens: 'many' }, { a: [1] }]) {
    assert.equal(await usageOf(usage), null);
  }
});

Deno.test('a number that a double cannot hold keeps its digits in the object of an answer', async () => {
  const response_schema = {
    type: 'object',
    properties: { account: { type: 'integer' }, amount: { type: 'number', maximum: 1e20 } },
    required: ['account'],
  };
  const json = '{"account": 30142008000123456789, "amount": 99999999999999999.99}';
  for (const content of [json, `Here it is:\n\`\`\`json\n${json}\n\`\`\``, `It is ${json}.`]) {
    says({ content });
    assert.deepEqual((await ask({ response_schema })).object, {
      account: '30142008000123456789',
      amount: '99999999999999999.99',
    });
  }
  says({ content: '{"account": 30142008000123456789.5}' });
  assert.deepEqual(await failure({ response_schema }), ['llm_invalid_output', true]);
});

Deno.test('the reason why a model stopped decides, with and without a schema', async () => {
  const response_schema = { type: 'object' };
  for (const content of [null, '', 'half an ans', '{"a":1}']) {
    for (const [reason, code] of [
      ['length', 'llm_truncated'],
      ['max_tokens', 'llm_truncated'],
      ['MAX_TOKENS', 'llm_truncated'],
      ['content_filter', 'llm_refused'],
      ['SAFETY', 'llm_refused'],
      ['tool_calls', 'llm_tool_call'],
      ['function_call', 'llm_tool_call'],
    ] as const) {
      says({ content }, reason);
      assert.deepEqual(await failure(), [code, false]);
      assert.deepEqual(await failure({ response_schema }), [code, false]);
    }
  }
  for (const reason of ['stop', 'eos', 'end_turn', '', null, undefined, 7]) {
    says({ content: 'whole' }, reason);
    assert.equal((await ask()).text, 'whole');
  }
});

Deno.test('an answer without text is no success', async () => {
  says({ content: null, tool_calls: [{ id: 'x' }] });
  assert.deepEqual(await failure(), ['llm_tool_call', false]);
  for (const message of [{ content: null }, {}, { content: 7 }, { content: [] }]) {
    says(message);
    assert.deepEqual(await failure(), ['llm_bad_response', true]);
  }
  for (const body of [{ error: { message: 'busy' } }, { choices: [] }, 'text', null]) {
    reply = { body };
    assert.deepEqual(await failure(), ['llm_bad_response', true]);
  }
});

Deno.test('text may be a list of parts', async () => {
  says({ content: [{ type: 'text', text: 'a' }, { type: 'x' }, { type: 'text', text: 'b' }] });
  assert.equal((await ask()).text, 'ab');
});

const first = (text: string): unknown => {
  for (const [value] of jsonIn(text)) if (value !== undefined) return value;
  return undefined;
};

Deno.test('JSON is found in what models write around it', () => {
  const json = '{"a": [1, "}```{"], "b": {"c": "\\"x\\""}}';
  const wrapped: string[] = [
    json,
    `\n ${json} \n`,
    `Here it is:\n\n\`\`\`json\n${json}\n\`\`\``,
    `\`\`\`JSON\n${json}\n\`\`\`\nHope that helps! {smile}`,
    `\`\`\`\r\n${json}\r\n\`\`\``,
    `\`\`\`json5\n${json}`,
    `~~~json\n${json}\n~~~`,
    `<think>Maybe {"a": 0}? Or\n\`\`\`json\n{"a": 2}\n\`\`\`</think>\n${json}`,
    `I should answer {"a": 0}.</think>\n\n\`\`\`Json\n${json}\n\`\`\``,
    `<THINK>x</THINK>Sure (as [you] asked): ${json}. Anything else?`,
    `The answer is ${json}`,
  ];
  for (const text of wrapped) assert.deepEqual(first(text), JSON.parse(json), text);
  assert.equal(first('```json\n"text"\n```'), 'text');
  assert.equal(first('certainly! {"category": '), undefined);
  assert.equal(first('no JSON at all'), undefined);
});

Deno.test('any JSON object is found between any text without brackets', () => {
  const prose = fc.stringMatching(/^[A-Za-z,.:!? \n]{0,30}$/);
  const fence = fc.constantFrom(['', ''], ['```\n', '\n```'], ['```JSON\n', '\n```']);
  const value = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(
      prose,
      fence,
      value,
      prose,
      fc.boolean(),
      (before, [open, close], made, after, pretty) => {
        const json = JSON.stringify(made, null, pretty ? 2 : 0);
        const text = `${before}\n${open}${json}${close}\n${after}`;
        assert.deepEqual(first(text), JSON.parse(json));
      },
    ),
  );
});

Deno.test('the value that matches the schema counts; several different ones are an error', async () => {
  const response_schema = {
    type: 'object',
    required: ['a'],
    properties: { a: { type: 'number' } },
  };
  const object = async (content: string) => {
    says({ content });
    return (await ask({ response_schema })).object;
  };
  assert.deepEqual(await object('For {"q": 1} I say {"a": 2}.'), { a: 2 });
  assert.deepEqual(await object('```json\n{"a": 3}\n```\nThat is {"a": 4} minus one.'), { a: 3 });
  assert.deepEqual(await object('{"a": 5} and again {"a":5}'), { a: 5 });
  says({ content: 'Either {"a": 1} or {"a": 2}.' });
  assert.deepEqual(await failure({ response_schema }), ['llm_invalid_output', true]);
  says({ content: 'It is {"b": 1}.' });
  assert.deepEqual(await failure({ response_schema }), ['llm_invalid_output', true]);
});

Deno.test('an answer of brackets alone is read in a moment', () => {
  assert.equal(first('['.repeat(200_000)), undefined);
  assert.equal(first('```{'.repeat(50_000)), undefined);
});
