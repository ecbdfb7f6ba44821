// llm_call in the protocols of the providers: addresses, keys, fallback models and files.

import assert from 'node:assert/strict';
import { type Received, type Reply, serveHttp } from '../../../scripts/fakes/http.ts';
import {
  afterAll,
  failureOf,
  outputOf,
  type TestSecrets,
  testContext,
  testEnv,
} from '../steps/testing.ts';
import { normalizeCompletion, tokensIn, withFewCalls } from './responses.ts';

const received: Received[] = [];
let replies: Record<string, Reply> = {};
const endpoint = await serveHttp((request) => {
  received.push(request);
  return replies[request.path] ?? { status: 404, body: { error: { message: 'unknown path' } } };
});
afterAll(() => endpoint.stop());

const ctx = testContext({
  env: testEnv({
    OPENAI_BASE_URL: `${endpoint.url}/operator`,
    OPENAI_API_KEY: 'key-of-the-operator',
    SUPABASE_URL: endpoint.url,
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  }),
});

const chat = (content: string): Reply => ({
  body: {
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  },
});
const message: Reply = {
  body: {
    type: 'message',
    id: 'msg_1',
    model: 'claude',
    content: [{ type: 'text', text: 'from Anthropic' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 4, cache_read_input_tokens: 6, output_tokens: 2 },
  },
};
const response: Reply = {
  body: {
    id: 'resp_1',
    object: 'response',
    created_at: 0,
    model: 'gpt',
    status: 'completed',
    output: [
      {
        type: 'message',
        id: 'm_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'from OpenAI', annotations: [] }],
      },
    ],
    usage: {
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 12,
    },
  },
};

const secrets: TestSecrets = { model: 'key-of-the-app' };
const ask = async (config: object) => {
  received.length = 0;
  const asked = { model: 'm', prompt: 'hi', ...config };
  return (await outputOf('llm_call', asked, ctx, secrets)) as Record<string, unknown>;
};
const own = { base_url: `${endpoint.url}/own/`, api_key: '{{ secrets.model }}' };

Deno.test('each provider has its protocol, and the same output', async () => {
  replies = {
    '/own/chat/completions': chat('compatible'),
    '/own/messages': message,
    '/own/responses': response,
  };
  const tokens = (
    input: number,
    output: number,
    cached: number | null,
    reasoning: number | null,
  ) => ({
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    cached_input_tokens: cached,
    reasoning_tokens: reasoning,
  });
  const facts = { cost: null, model: 'm' };
  assert.deepEqual(await ask(own), {
    ...facts,
    text: 'compatible',
    finish_reason: 'stop',
    provider: 'openai-compatible',
    usage: tokens(3, 2, null, null),
  });
  assert.equal(received[0]?.headers.authorization, 'Bearer key-of-the-app');
  assert.deepEqual(
    await ask({ ...own, provider: 'anthropic', max_tokens: 50, system: 'Be brief.' }),
    {
      ...facts,
      text: 'from Anthropic',
      finish_reason: 'end_turn',
      provider: 'anthropic',
      usage: tokens(10, 2, 6, null),
    },
  );
  assert.equal(received[0]?.headers['x-api-key'], 'key-of-the-app');
  const sent = received[0]?.body as { max_tokens: number; system: unknown };
  assert.equal(sent.max_tokens, 50);
  assert.deepEqual(sent.system, [{ type: 'text', text: 'Be brief.' }]);
  const openai = await ask({ ...own, provider: 'openai' });
  assert.deepEqual([openai.text, openai.usage], ['from OpenAI', tokens(7, 5, 0, 3)]);
  assert.equal(received[0]?.headers['idempotency-key'], 'run-1:step:0');
});

Deno.test('the key of the operator goes only to the address of the operator', async () => {
  replies = {
    '/own/chat/completions': chat('own'),
    '/operator/chat/completions': chat('operator'),
  };
  await ask({ base_url: own.base_url });
  assert.equal(received[0]?.headers.authorization, undefined);
  assert.equal((await ask({})).text, 'operator');
  assert.equal(received[0]?.headers.authorization, 'Bearer key-of-the-operator');
  for (const provider of ['openai', 'anthropic']) {
    const failed = await failureOf(
      'llm_call',
      { model: 'm', prompt: 'hi', provider, base_url: own.base_url },
      ctx,
    );
    assert.deepEqual([failed.code, failed.retryable], ['invalid_config', false]);
  }
});

Deno.test('the egress rules hold for the address of an application, and a secret reaches its hosts only', async () => {
  const strict = testContext({ env: testEnv({ STEPBASE_ALLOW_PRIVATE_NETWORK: 'false' }) });
  const config = { model: 'm', prompt: 'hi', ...own };
  const refused = await failureOf('llm_call', config, strict, secrets);
  assert.equal(refused.code, 'egress_blocked');
  const bound = { model: { value: 'key-of-the-app', hosts: ['api.anthropic.com'] } };
  const error = await failureOf('llm_call', config, ctx, bound);
  assert.equal(error.code, 'secret_host_not_allowed');
});

Deno.test('fallback models are called in order, each with its own key', async () => {
  replies = {
    '/own/chat/completions': { status: 503, body: {} },
    '/own/messages': message,
  };
  const fallbacks = [{ ...own, provider: 'anthropic', model: 'claude' }];
  const output = await ask({ ...own, fallbacks });
  assert.deepEqual([output.provider, output.model], ['anthropic', 'claude']);
  assert.deepEqual(
    received.map(({ headers }) => headers['idempotency-key']),
    ['run-1:step:0', 'run-1:step:0:fallback-1'],
  );
  replies = {
    '/own/chat/completions': { status: 401, body: {} },
    '/own/messages': { status: 429, headers: { 'retry-after': '7' }, body: {} },
  };
  const failed = await failureOf(
    'llm_call',
    { model: 'm', prompt: 'hi', ...own, fallbacks },
    ctx,
    secrets,
  );
  assert.deepEqual(
    [failed.code, failed.retryable, failed.retryAfterMs],
    ['llm_invalid_key', true, 7_000],
  );
  assert.match(JSON.stringify(failed.details), /http_rate_limited/);
  // A refusal is an answer.
  replies = {
    '/own/chat/completions': {
      body: { choices: [{ message: { content: null, refusal: 'I cannot.' } }] },
    },
    '/own/messages': message,
  };
  received.length = 0;
  const refused = await failureOf(
    'llm_call',
    { model: 'm', prompt: 'hi', ...own, fallbacks },
    ctx,
    secrets,
  );
  assert.equal(refused.code, 'llm_refused');
  assert.equal(received.length, 1);
});

Deno.test('files of the application are parts of the last message', async () => {
  replies = {
    '/own/chat/completions': chat('seen'),
    '/storage/v1/object/docs/acme/notes.txt': {
      raw: 'two lines',
      headers: { 'content-type': 'text/plain' },
    },
    '/storage/v1/object/docs/acme/a/picture.png': {
      raw: new Uint8Array([137, 80, 78, 71]),
      headers: { 'content-type': 'application/octet-stream' },
    },
  };
  await ask({
    ...own,
    files: [
      { bucket: 'docs', path: 'notes.txt' },
      { bucket: 'docs', path: 'a/picture.png', media_type: 'image/png' },
    ],
  });
  const sent = received.at(-1)?.body as { messages: unknown };
  assert.deepEqual(sent.messages, [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'hi' },
        { type: 'text', text: 'notes.txt:\ntwo lines' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } },
      ],
    },
  ]);
  const files = [{ bucket: 'docs', path: 'notes.txt', media_type: 'application/zip' }];
  const unknown = { model: 'm', prompt: 'hi', ...own, files };
  const failed = await failureOf('llm_call', unknown, ctx, secrets);
  assert.equal(failed.code, 'invalid_config');
});

Deno.test('of an answer with very many tool calls the first 128 are read, each with an id of its own', () => {
  const tool_calls = ['a', 'a', 'a_1', ...Array<string>(400_000).fill('b')].map((id) => ({ id }));
  const { choices } = normalizeCompletion({ choices: [{ message: { tool_calls } }] }) as {
    choices: { message: { tool_calls: { id: string }[] } }[];
  };
  const ids = choices[0]?.message.tool_calls.map(({ id }) => id) ?? [];
  assert.deepEqual([ids.length, new Set(ids).size], [128, 128]);
  assert.deepEqual(ids.slice(0, 4), ['a', 'a_1_1', 'a_1', 'b']);

  const text = { type: 'text', text: 'Done.' };
  for (const [key, type] of [
    ['content', 'tool_use'],
    ['output', 'function_call'],
  ] as const) {
    const items = [...Array<object>(200).fill({ type }), text];
    const few = withFewCalls({ id: 'm', [key]: items }) as Record<string, object[]>;
    assert.deepEqual([few.id, few[key]?.length, few[key]?.at(-1)], ['m', 129, text]);
  }
});

Deno.test('a count of tokens that cannot be is not read', () => {
  assert.equal(tokensIn({ usage: { total_tokens: 1e30 } }), undefined);
  assert.equal(tokensIn({ usage: { prompt_tokens: 1e30, completion_tokens: 2 } })?.input, null);
});
