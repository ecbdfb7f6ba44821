// service_task and ai_agent_task: calls to components, and the schemas of their input and output.

import assert from 'node:assert/strict';
import { startModel } from '../../../scripts/fakes/model.ts';
import { afterAll, failureOf, outputOf, runStep, testContext, testEnv } from './testing.ts';
import { type CallbackRequest, type Component, type StepContext, StepError } from './types.ts';
import { sign } from './webhook.ts';

const model = await startModel();
const calls: { text: string; headers: Record<string, string> }[] = [];
const service = Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: () => undefined },
  async (request) => {
    const text = await request.text();
    const body = JSON.parse(text) as { input: { status?: number; bad?: boolean } };
    calls.push({ text, headers: Object.fromEntries(request.headers) });
    const { input } = body;
    if (input.status) return Response.json({ no: true }, { status: input.status });
    return Response.json(
      input.bad ? { nothing: 1 } : { echoed: input, key: request.headers.get('idempotency-key') },
    );
  },
);
afterAll(async () => {
  await model.stop();
  await service.shutdown();
});

const echo: Component = {
  id: '019a0000-0000-7000-8000-0000000000c0',
  name: 'echo',
  version: '1.0.0',
  type: 'service_task',
  is_active: true,
  endpoint: `http://127.0.0.1:${service.addr.port}/echo`,
  timeout_ms: 5_000,
  callback_timeout_ms: 60_000,
  heartbeat_timeout_ms: 10_000,
  model: null,
  input_schema: { type: 'object', properties: { n: { type: 'number' } } },
  output_schema: { type: 'object', required: ['echoed'] },
  ui_widget_id: null,
  ui_definitions: {},
  prompt: null,
  prompt_variables: {},
};
const agent: Component = {
  ...echo,
  name: 'writer',
  type: 'ai_agent_task',
  endpoint: null,
  model: 'small',
  prompt: 'Write to {{ name }}.',
  input_schema: null,
  output_schema: null,
};
const env = testEnv({ OPENAI_BASE_URL: `${model.url}/`, OPENAI_API_KEY: model.apiKey });
const SECRETS = ['whsec_bmV3LXNlY3JldA==', 'whsec_b2xkLXNlY3JldA=='];
const opened: CallbackRequest[] = [];
const callbacks = {
  open(request: CallbackRequest) {
    opened.push(request);
    const expires_at = new Date(Date.UTC(2026, 0, 1));
    return Promise.resolve({ token: 'sbc_1', expires_at, secrets: SECRETS });
  },
};
const with_ = (component?: Component) =>
  testContext({ env, callbacks, ...(component ? { component } : {}) });

Deno.test('a service gets the input and an idempotency key; its response is the output', async () => {
  const output = await outputOf(
    'service_task',
    { component: 'echo', input: { n: 1 } },
    with_(echo),
  );
  assert.deepEqual(output, { echoed: { n: 1 }, key: 'run-1:step:0' });
});

Deno.test('a call has the step, a deadline and a callback, and a signature by each secret', async () => {
  const ctx = {
    ...with_(echo),
    run: { ...with_().run, trace_id: '0af7651916cd43dd8448eb211c80319c' },
  };
  await outputOf('service_task', { component: 'echo', input: { n: 3 } }, ctx);
  const { text, headers } = calls.at(-1) ?? { text: '', headers: {} };
  const { deadline, ...body } = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(body, {
    type: 'step.call',
    component: 'echo',
    run: { id: 'run-1', application: 'acme', workflow: 'orders', version: 1 },
    step: { id: 'step', step_run_id: ctx.stepRunId },
    attempt: 1,
    idempotency_key: 'run-1:step:0',
    input: { n: 3 },
    callback: {
      url: 'http://127.0.0.1:1/functions/v1/stepbase-api/callbacks',
      token: 'sbc_1',
      expires_at: '2026-01-01T00:00:00.000Z',
    },
  });
  assert.equal(headers['stepbase-deadline'], deadline);
  assert.equal(headers['webhook-id'], `${ctx.stepRunId}:1`);
  assert.equal(headers.traceparent, '00-0af7651916cd43dd8448eb211c80319c-800000000000000a-00');
  const message = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  const expected = await Promise.all(
    SECRETS.map(async (secret) => `v1,${await sign(secret, message)}`),
  );
  assert.equal(headers['webhook-signature'], expected.join(' '));
  assert.deepEqual(opened.at(-1)?.input, { component: 'echo', input: { n: 3 } });
  assert.equal(opened.at(-1)?.callMs, 5_000);
});

Deno.test('a test run logs the headers of the call; another run does not', async () => {
  const lines: [level: string, message: string, data?: unknown][] = [];
  const log: StepContext['log'] = (...line) => void lines.push(line);
  const config = { component: 'echo', input: { n: 4 } };
  await outputOf('service_task', config, { ...with_(echo), log });
  assert.equal(lines.length, 0);
  const run = { ...with_().run, workflow: 'test-of-component-echo' };
  await outputOf('service_task', config, { ...with_(echo), run, log });
  const headers: Readonly<Record<string, string>> = calls.at(-1)?.headers ?? {};
  const [level, message, data] = lines[0] ?? [];
  assert.deepEqual([level, message], ['info', `POST ${echo.endpoint}`]);
  const { headers: logged } = data as { headers: Record<string, string> };
  assert.equal(logged['webhook-signature'], headers['webhook-signature']);
  assert.equal(logged['webhook-id'], headers['webhook-id']);
});

Deno.test('after 202 the step waits for the callback', async () => {
  const config = { component: 'echo', input: { status: 202 } };
  assert.deepEqual(await runStep('service_task', config, with_(echo)), {
    kind: 'waiting',
    reason: 'callback',
    timeoutMs: 60_000,
    heartbeatTimeoutMs: 10_000,
  });
  const patient = await runStep(
    'service_task',
    config,
    with_({ ...echo, heartbeat_timeout_ms: null }),
  );
  assert.equal('heartbeatTimeoutMs' in patient, false);
});

Deno.test('a call without the lease is not made', async () => {
  const before = calls.length;
  const open = () => Promise.reject(new StepError('lease_lost', 'gone', { retryable: true }));
  const lost = await failureOf(
    'service_task',
    { component: 'echo' },
    { ...with_(echo), callbacks: { open } },
  );
  assert.deepEqual([lost.code, calls.length], ['lease_lost', before]);
});

Deno.test('input and output must match the schemas of the component', async () => {
  const wrong = await failureOf(
    'service_task',
    { component: 'echo', input: { n: 'x' } },
    with_(echo),
  );
  assert.equal(wrong.code, 'invalid_input');
  assert.equal(wrong.retryable, false);
  const bad = await failureOf(
    'service_task',
    { component: 'echo', input: { bad: true } },
    with_(echo),
  );
  assert.equal(bad.code, 'invalid_output');
  assert.equal(bad.retryable, true);
});

Deno.test('an error of a service fails the step like an error of any HTTP call', async () => {
  const busy = await failureOf(
    'service_task',
    { component: 'echo', input: { status: 503 } },
    with_(echo),
  );
  assert.deepEqual([busy.code, busy.retryable], ['http_server_error', true]);
  const refused = await failureOf(
    'service_task',
    { component: 'echo', input: { status: 400 } },
    with_(echo),
  );
  assert.deepEqual([refused.code, refused.retryable], ['http_client_error', false]);
});

Deno.test('unknown and inactive components and those of another type are refused', async () => {
  const codeOf = async (component?: Component) =>
    (await failureOf('service_task', { component: 'echo' }, with_(component))).code;
  assert.equal(await codeOf(undefined), 'unknown_component');
  assert.equal(await codeOf({ ...echo, is_active: false }), 'inactive_component');
  assert.equal(await codeOf(agent), 'invalid_config');
  assert.equal(await codeOf({ ...echo, endpoint: null }), 'invalid_config');
});

Deno.test('an agent sends its prompt to its model; the templates of the prompt read the input', async () => {
  const output = (await outputOf(
    'ai_agent_task',
    { component: 'writer', input: { name: 'Ada' } },
    with_(agent),
  )) as { text: string };
  assert.match(output.text, /^You asked/);
  const messages = model.calls.all.at(-1)?.messages;
  assert.deepEqual(messages?.[0], { role: 'system', content: 'Write to Ada.' });
  assert.deepEqual(messages?.[1], { role: 'user', content: '{"name":"Ada"}' });
});

Deno.test('the declared variables of an agent are required, have defaults, and are checked before a call', async () => {
  const prompt_variables = { name: { type: 'string', default: 'all' }, n: { type: 'number' } };
  const strict = { ...agent, prompt: 'Write to {{ name }}, {{ n }} times.', prompt_variables };
  const config = { component: 'writer', input: { n: 2, more: true } };
  await outputOf('ai_agent_task', config, with_(strict));
  assert.equal(model.calls.all.at(-1)?.messages[0]?.content, 'Write to all, 2 times.');
  const calls = model.calls.all.length;
  for (const input of [{}, { n: 'two' }, 'a text']) {
    const error = await failureOf('ai_agent_task', { component: 'writer', input }, with_(strict));
    assert.deepEqual([error.code, error.retryable], ['invalid_prompt_variables', false]);
    assert.match(error.message, /of the prompt of writer/);
  }
  assert.equal(model.calls.all.length, calls);
});

Deno.test('a step can choose the model of an agent, its address and its key', async () => {
  const output = (await outputOf(
    'ai_agent_task',
    {
      component: 'writer',
      input: { name: 'Ada' },
      model: 'overloaded',
      base_url: model.url,
      api_key: '{{ secrets.model }}',
      fallbacks: [{ model: 'large' }],
    },
    with_(agent),
    { model: model.apiKey },
  )) as { model: string };
  assert.equal(output.model, 'large');
  assert.deepEqual(
    model.calls.all.slice(-2).map((call) => call.model),
    ['overloaded', 'large'],
  );
});

Deno.test('with an output schema the output is the parsed object', async () => {
  const output_schema = {
    type: 'object',
    properties: { urgent: { type: 'boolean' } },
    required: ['urgent'],
    additionalProperties: false,
  };
  const output = await outputOf(
    'ai_agent_task',
    { component: 'writer', input: { text: 'Urgent: it arrived broken.' } },
    with_({ ...agent, output_schema }),
  );
  assert.equal(typeof (output as { urgent: unknown }).urgent, 'boolean');
});

Deno.test('an agent with an endpoint is called like a service', async () => {
  const output = await outputOf(
    'ai_agent_task',
    { component: 'writer', input: { n: 2 } },
    with_({ ...agent, endpoint: echo.endpoint }),
  );
  assert.deepEqual((output as { echoed: unknown }).echoed, { n: 2 });
});
