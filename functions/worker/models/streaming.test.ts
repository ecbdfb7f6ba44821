// llm_call with a stream: the same output in the protocols of the providers, and what watchers see meanwhile.

import assert from 'node:assert/strict';
import { type Received, type Reply, serveHttp } from '../../../scripts/fakes/http.ts';
import { afterAll, failureOf, outputOf, testContext, testEnv } from '../steps/testing.ts';
import type { ModelUse } from '../steps/types.ts';
import { EventReader } from './events.ts';

const received: Received[] = [];
let replies: Record<string, () => Reply> = {};
const endpoint = await serveHttp((request) => {
  received.push(request);
  return replies[request.path]?.() ?? { status: 404, body: {} };
});
afterAll(() => endpoint.stop());

/** Events in pieces that split lines and characters. */
async function* inPieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += 37) {
    yield text.slice(at, at + 37);
    await new Promise((resolve) => setTimeout(resolve));
  }
}
const stream = (events: readonly object[], { named = false, end = '' } = {}) => {
  const text = events
    .map((event) => {
      const name = named ? `event: ${(event as { type: string }).type}\n` : '';
      return `${name}data: ${JSON.stringify(event)}\n\n`;
    })
    .join('');
  return (): Reply => ({
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    parts: inPieces(text + end),
  });
};

const piece = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});
const chatEvents = [
  piece({ role: 'assistant', content: '' }),
  piece({ content: 'Grüß ' }),
  piece({ content: 'Gott 😀' }),
  piece({}, 'stop'),
  { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
];
const chat = stream(chatEvents, { end: 'data: [DONE]\n\n' });
const message = stream(
  [
    {
      type: 'message_start',
      message: {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', content: [] },
        usage: { input_tokens: 4, cache_read_input_tokens: 6, output_tokens: 1 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 's' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'ping' },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'from ' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Anthropic' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ],
  { named: true },
);
const response = stream(
  [
    { type: 'response.created', response: { id: 'resp_1' } },
    { type: 'response.output_text.delta', output_index: 0, delta: 'from ' },
    { type: 'response.output_text.delta', output_index: 0, delta: 'OpenAI' },
    {
      type: 'response.completed',
      response: {
        ...{ id: 'resp_1', object: 'response', created_at: 0, model: 'gpt', status: 'completed' },
        output: [
          {
            ...{ type: 'message', id: 'm_1', role: 'assistant', status: 'completed' },
            content: [{ type: 'output_text', text: 'from OpenAI', annotations: [] }],
          },
        ],
        usage: { input_tokens: 7, output_tokens: 5, total_tokens: 12 },
      },
    },
  ],
  { named: true },
);

function setup() {
  received.length = 0;
  const shown: string[][] = [];
  const counted: ModelUse[] = [];
  const ctx = testContext({
    env: testEnv({ OPENAI_BASE_URL: `${endpoint.url}/operator`, OPENAI_API_KEY: 'key' }),
    texts: {
      open() {
        const texts: string[] = [];
        shown.push(texts);
        return { add: (text) => texts.push(text), end: () => texts.push('<end>') };
      },
    },
  });
  const usage = {
    ...ctx.usage,
    countTokens: (use: ModelUse) => Promise.resolve(counted.push(use) * 0.5),
  };
  return { ctx: { ...ctx, usage }, shown: () => shown.map((texts) => texts.join('')), counted };
}
const secrets = { model: 'key-of-the-app' };
const config = {
  ...{ model: 'm', prompt: 'hi', stream: true },
  ...{ base_url: `${endpoint.url}/own`, api_key: '{{ secrets.model }}' },
};

Deno.test('each protocol streams its text, and the output is that of a call without a stream', async () => {
  replies = {
    '/own/chat/completions': chat,
    '/own/messages': message,
    '/own/responses': response,
  };
  for (const [provider, text, finish_reason, tokens, body] of [
    [
      ...['openai-compatible', 'Grüß Gott 😀', 'stop', [3, 2, 5, null]],
      { stream: true, stream_options: { include_usage: true } },
    ],
    ['anthropic', 'from Anthropic', 'end_turn', [10, 2, 12, 6], { stream: true }],
    ['openai', 'from OpenAI', null, [7, 5, 12, null], { stream: true }],
  ] as const) {
    const { ctx, shown, counted } = setup();
    const asked = { ...config, provider };
    const output = (await outputOf('llm_call', asked, ctx, secrets)) as Record<string, unknown>;
    assert.equal(output.text, text);
    if (finish_reason !== null) assert.equal(output.finish_reason, finish_reason);
    assert.equal(output.cost, 0.5);
    const [used] = counted;
    assert.deepEqual([used?.input, used?.output, used?.total, used?.cached_input], tokens);
    assert.deepEqual(shown(), [`${text}<end>`]);
    const sent = received[0]?.body as Record<string, unknown>;
    for (const [key, value] of Object.entries(body)) assert.deepEqual(sent[key], value);
    assert.equal(received[0]?.headers['accept-encoding'], 'identity');
  }
});

Deno.test('without `stream`, and if the endpoint does not stream, the answer is the same', async () => {
  const choices = [{ finish_reason: 'stop', message: { role: 'assistant', content: 'whole' } }];
  replies = { '/own/chat/completions': () => ({ body: { choices } }) };
  const streaming = setup();
  const output = await outputOf('llm_call', config, streaming.ctx, secrets);
  assert.equal((output as { text: string }).text, 'whole');
  assert.deepEqual(streaming.shown(), ['<end>']);
  const plain = setup();
  await outputOf('llm_call', { ...config, stream: false }, plain.ctx, secrets);
  assert.deepEqual(plain.shown(), []);
  assert.deepEqual(Object.keys(Object(received[0]?.body)), ['model', 'messages']);
});

Deno.test('a secret that the model repeats is masked, also if it is split', async () => {
  replies = {
    '/own/chat/completions': stream([
      piece({ content: 'It is key-of' }),
      piece({ content: '-the-app.' }),
      piece({}, 'stop'),
    ]),
  };
  const { ctx, shown } = setup();
  const output = await outputOf('llm_call', config, ctx, secrets);
  assert.equal((output as { text: string }).text, 'It is ***.');
  assert.deepEqual(shown(), ['It is ***.<end>']);
});

Deno.test('the next model begins another text, and the tokens of a broken stream are counted', async () => {
  replies = {
    '/own/chat/completions': chat,
    '/own/messages': stream(
      [
        { type: 'message_start', message: { usage: { input_tokens: 9, output_tokens: 1 } } },
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half' } },
        { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      ],
      { named: true },
    ),
  };
  const { ctx, shown, counted } = setup();
  const { stream: isStreamed, ...other } = config;
  const asked = { ...config, provider: 'anthropic', fallbacks: [other] };
  delete (asked.fallbacks[0] as { prompt?: string }).prompt;
  const output = (await outputOf('llm_call', asked, ctx, secrets)) as Record<string, unknown>;
  assert.equal(isStreamed, true);
  assert.deepEqual([output.text, output.provider], ['Grüß Gott 😀', 'openai-compatible']);
  assert.deepEqual(shown(), ['half<end>', 'Grüß Gott 😀<end>']);
  assert.deepEqual(
    counted.map(({ input }) => input),
    [9, 3],
  );
});

Deno.test('a stream that ends too early is no answer, and can be repeated', async () => {
  for (const [reply, code] of [
    [stream(chatEvents.slice(0, 3)), 'llm_bad_response'],
    [stream([{ error: { message: 'no' } }]), 'llm_bad_response'],
  ] as const) {
    replies = { '/own/chat/completions': reply };
    const { ctx } = setup();
    const error = await failureOf('llm_call', config, ctx, secrets);
    assert.deepEqual([error.code, error.retryable], [code, true]);
  }
});

Deno.test('a stream whose connection breaks is a network error', async () => {
  // Not node:http and node:net, which on Deno 2.1 do not close a connection that is destroyed.
  const server = Deno.listen({ hostname: '127.0.0.1', port: 0 });
  const served = (async () => {
    const connection = await server.accept();
    await connection.read(new Uint8Array(65_536));
    const event = new TextEncoder().encode(`data: ${JSON.stringify(chatEvents[1])}\n\n`);
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1000\r\n\r\n';
    await connection.write(new TextEncoder().encode(head));
    await connection.write(event);
    connection.close();
  })();
  const { ctx } = setup();
  const asked = { ...config, base_url: `http://127.0.0.1:${server.addr.port}` };
  const error = await failureOf('llm_call', asked, ctx, secrets);
  assert.deepEqual([error.code, error.retryable], ['network_error', true]);
  await served;
  server.close();
});

Deno.test('a tool call in pieces is put together', async () => {
  const call = (index: number, parts: object) => piece({ tool_calls: [{ index, ...parts }] });
  replies = {
    '/own/chat/completions': stream([
      call(0, { id: 'c1', type: 'function', function: { name: 'find', arguments: '' } }),
      call(0, { function: { arguments: '{"a":' } }),
      call(0, { function: { arguments: '1}' } }),
      piece({}, 'tool_calls'),
    ]),
    '/own/messages': stream(
      [
        {
          type: 'message_start',
          message: {
            ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', content: [] },
            usage: { input_tokens: 1, output_tokens: 1 },
          },
        },
        {
          ...{ type: 'content_block_start', index: 0 },
          content_block: { type: 'tool_use', id: 't1', name: 'find', input: {} },
        },
        ...['{"a"', ': 1}'].map((partial_json) => ({
          ...{ type: 'content_block_delta', index: 0 },
          delta: { type: 'input_json_delta', partial_json },
        })),
        { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 4 } },
        { type: 'message_stop' },
      ],
      { named: true },
    ),
  };
  for (const provider of ['openai-compatible', 'anthropic']) {
    const { ctx, counted } = setup();
    const error = await failureOf('llm_call', { ...config, provider }, ctx, secrets);
    assert.equal(error.code, 'llm_tool_call', provider);
    assert.equal(counted.length, 1);
  }
});

Deno.test('a long line in many pieces is searched once, and a line break may be split', () => {
  const split = String.prototype.split;
  let searched = 0;
  String.prototype.split = function (this: string, ...args: Parameters<typeof split>) {
    searched += this.length;
    return split.apply(this, args);
  } as typeof split;
  try {
    const events = new EventReader();
    for (let at = 0; at < 1_000; at += 1) events.read(at === 0 ? 'data: {"a":"' : 'x'.repeat(100));
    assert.equal(events.read('"}\r').length, 0);
    assert.equal(events.read('\ndata: {"b"').length, 1);
    assert.deepEqual(events.read(':1}\n'), [{ b: 1 }]);
  } finally {
    String.prototype.split = split;
  }
  assert.ok(searched < 400_000, `${searched} characters were searched`);
});
