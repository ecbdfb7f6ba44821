// The sample services answer bad requests with a code and a sentence, and good ones the same way every time.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkDefinition } from '../../functions/_shared/checker/index.ts';
import { MODEL_KEY } from '../../scripts/world/model.ts';
import { startWorld, type World } from '../../scripts/world/world.ts';
import { proposalIn } from '../../web/src/editor/assistant/proposal.ts';
import { promptText, systemText } from '../../web/src/editor/assistant/question.ts';
import type { Draft } from '../../web/src/editor/model/definition.ts';
import { edges, value } from '../engine/support.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());

interface Answer {
  status: number;
  body: unknown;
}

async function ask(
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}
const refused = (status: number, error: string, message: RegExp) => ({
  status,
  body: { error, message: expect.stringMatching(message) },
});

test('the shop has the orders 1001 to 1999, and refuses others and every change', async () => {
  const { shop_url } = world.info;
  const first = await ask(`${shop_url}/orders/1001`);
  expect(first).toMatchObject({ status: 200, body: { id: '1001', customer: { tier: 'silver' } } });
  expect(await ask(`${shop_url}/orders/1001`)).toEqual(first);
  expect((await ask(`${shop_url}/orders?since=yesterday`)).body).toHaveLength(3);
  for (const id of ['999', '1000', '2000', 'x', '1001x']) {
    const answer = await ask(`${shop_url}/orders/${id}`);
    expect(answer).toEqual(refused(404, 'order_not_found', /1001 to 1999/));
  }
  expect(await ask(`${shop_url}/orders`, {})).toEqual(refused(405, 'method_not_allowed', /POST/));
  expect(await ask(`${shop_url}/carts`)).toEqual(refused(404, 'not_found', /\/orders/));
});

test('the CRM does not know a new customer the first time, and then has no address', async () => {
  const url = `${world.info.crm_url}/customers`;
  const lookUp = (email: unknown) => ask(url, { type: 'step.call', input: { email } });
  expect(await lookUp('ada@customer.example')).toMatchObject({
    body: { address: { city: 'London' } },
  });
  expect(await lookUp('new@customer.example')).toEqual(refused(404, 'contact_not_found', /new@/));
  const known = await lookUp('New@customer.example');
  expect(known).toEqual({
    status: 200,
    body: { email: 'new@customer.example', name: 'new', tier: 'new' },
  });
  for (const bad of ['nobody', 7, undefined]) {
    expect(await lookUp(bad)).toEqual(refused(400, 'invalid_call', /input\.email/));
  }
  expect(await ask(url, '{"half": ')).toEqual(refused(400, 'invalid_call', /JSON/));
  expect(await ask(url)).toEqual(refused(405, 'method_not_allowed', /GET/));
});

test('billing takes approved refunds and the events of runs only', async () => {
  const { billing_url } = world.info;
  const refund = { order_id: '1002', amount: 56.9, currency: 'EUR' };
  const hook = `${billing_url}/hooks/refunds`;
  expect(await ask(hook, { type: 'refund.approved', refund })).toEqual({
    status: 202,
    body: { accepted: true, refund_id: 'refund-1002' },
  });
  const free = { type: 'refund.approved', refund: { ...refund, amount: 0 } };
  expect(await ask(hook, free)).toEqual(refused(400, 'invalid_refund', /^refund\.amount: /));
  expect(await ask(hook, { type: 'refund.asked', refund })).toEqual(
    refused(400, 'invalid_refund', /^type: /),
  );
  expect(await ask(`${billing_url}/hooks/runs`, { type: 'run.failed', data: {} })).toEqual({
    status: 200,
    body: { received: true },
  });
  expect(await ask(`${billing_url}/hooks/runs`, [])).toEqual(refused(400, 'invalid_event', /type/));
  expect(await ask(`${billing_url}/invoices`)).toEqual(refused(404, 'not_found', /hooks/));
});

const key = { authorization: `Bearer ${MODEL_KEY}` };
const note = 'Classify: {"note": "Where is my parcel? This is urgent."}';
const messages = [{ role: 'user', content: note }];

test('the model answers by a schema, calls tools once, and refuses what it does not understand', async () => {
  const url = `${world.info.model_url}/chat/completions`;
  const schema = {
    type: 'object',
    properties: { category: { enum: ['praise', 'complaint'] }, urgent: { type: 'boolean' } },
  };
  const sorted = await ask(
    url,
    {
      model: 'gpt-5-mini',
      messages,
      response_format: { type: 'json_schema', json_schema: { schema } },
    },
    key,
  );
  const { choices } = sorted.body as { choices: { message: { content: string } }[] };
  expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({
    category: 'complaint',
    urgent: true,
  });

  const tools = [
    {
      type: 'function',
      function: { name: 'look', parameters: { properties: {}, type: 'object' } },
    },
  ];
  const called = await ask(url, { model: 'm', messages, tools }, key);
  const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };
  expect(called.body).toMatchObject({
    choices: [{ finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } }],
  });
  const result = [
    ...messages,
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: '{"tier": "gold"}' },
  ];
  expect((await ask(url, { model: 'm', messages: result, tools }, key)).body).toMatchObject({
    choices: [
      { finish_reason: 'stop', message: { content: expect.stringMatching(/urgent.*gold/) } },
    ],
  });

  const failure = (code: string, message: RegExp) => ({
    error: { code, type: 'invalid_request_error', message: expect.stringMatching(message) },
  });
  expect(await ask(url, { model: 'm', messages })).toEqual({
    status: 401,
    body: failure('invalid_api_key', /key/),
  });
  for (const [body, message] of [
    [{ model: 'm', messages: [] }, /^messages: /],
    [{ messages }, /^model: /],
    [{ model: 'm', messages: [{ role: 'cat', content: 'meow' }] }, /^messages\.0\.role: /],
    ['no JSON', /^The body: /],
  ] as const) {
    expect(await ask(url, body, key)).toEqual({
      status: 400,
      body: failure('invalid_request', message),
    });
  }
  expect((await ask(`${world.info.model_url}/models`, undefined, key)).status).toBe(200);
  expect((await ask(`${world.info.model_url}/images`, {}, key)).status).toBe(404);
});

test.each([
  ['Ask a person, please.', 'wait_for_approval'],
  ['Wait a moment at the end.', 'delay'],
  ['Send a mail.', 'send_email'],
  ['Keep the input.', 'transform'],
])('the assistant of the editor gets a change of its draft: %s', async (wish, type) => {
  const draft = {
    definition: { nodes: [value('first'), value('ask')], edges: edges('first > ask') },
    inputSchema: { type: 'object' },
    outputSchema: null,
  } as unknown as Draft;
  const prompt = promptText({ wish, draft, faults: [] });
  const question = [
    { role: 'system', content: systemText([]) },
    { role: 'user', content: prompt },
  ];
  const url = `${world.info.model_url}/chat/completions`;
  const { body } = await ask(url, { model: 'm', messages: question }, key);
  const { choices } = body as { choices: { message: { content: string } }[] };
  const { draft: next } = proposalIn(choices[0]?.message.content ?? '', draft);
  expect(next.definition.nodes.map((node) => node.type)).toEqual(['transform', 'transform', type]);
  expect(next.definition.edges.map(({ source }) => source)).toEqual(['first', 'ask']);
  const faults = await checkDefinition(next.definition);
  expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
});

test('the words of a streamed answer are those of the whole answer', async () => {
  const url = `${world.info.model_url}/chat/completions`;
  const whole = await ask(url, { model: 'm', messages }, key);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...key },
    body: JSON.stringify({
      model: 'm',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events = (await response.text())
    .trim()
    .split('\n\n')
    .map((line) => line.replace('data: ', ''));
  expect(events.pop()).toBe('[DONE]');
  const chunks = events.map(
    (event) => JSON.parse(event) as { choices: { delta: { content?: string } }[]; usage?: object },
  );
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  expect(whole.body).toMatchObject({
    choices: [{ message: { content: text } }],
    usage: chunks.at(-1)?.usage,
  });
  expect(chunks.length).toBeGreaterThan(5);
});

test('an unknown service is refused, and the services are named', async () => {
  const { origin } = new URL(world.info.shop_url);
  expect(await ask(`${origin}/bank`)).toEqual(
    refused(404, 'not_found', /shop, crm, billing, model/),
  );
  expect(new URL(origin).hostname).toBe('127.0.0.1');
});
