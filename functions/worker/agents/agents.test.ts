// The turns of an agent in the protocols of the providers: tool calls, their results, limits, and an attempt that
// continues after a stored turn. The database is a list in memory.

import assert from 'node:assert/strict';
import type { Reply } from '../../../scripts/fakes/http.ts';
import type { Json } from '../../_shared/expressions/index.ts';
import { stepHandlers } from '../steps/index.ts';
import { failureOf, testContext, testEnv } from '../steps/testing.ts';
import {
  agent,
  article,
  bodyOf,
  calling,
  endpoint,
  facts,
  form,
  received,
  reset,
  say,
  step,
  stock,
  tools,
} from './testing.ts';
import { toolStep } from './tool-step.ts';

Deno.test('a turn is stored with its tool calls, and the step waits until they have ended', async () => {
  const { attempt, output, stored, end } = step({ deadline_ms: 1_000 });
  reset(
    calling(
      { name: 'stock', input: { article: '{{ secrets.key }}' } },
      { name: 'order', input: { n: 1 } },
      { name: 'ask', input: {} },
    ),
    say('Two.'),
  );
  assert.deepEqual(await attempt(), { kind: 'waiting', reason: 'tools', timeoutMs: 1_000 });
  assert.deepEqual(
    (
      bodyOf(0).tools as { function: { name: string; description?: string; parameters: Json } }[]
    ).map(({ function: { name, description, parameters } }) => [name, description, parameters]),
    [
      ['stock', 'Counts.', article],
      ['order', undefined, { type: 'object' }],
      ['ask', 'Ask the customer', { type: 'object' }],
    ],
  );
  const [turn] = stored;
  assert.deepEqual([turn?.turn, turn?.text, turn?.finish_reason], [1, '', 'tool_calls']);
  assert.deepEqual(
    turn?.calls.map(({ id: _id, input: _input, ...call }) => call),
    [
      {
        tool: 'stock',
        target: 'stock',
        step_type: 'service_task',
        component_id: stock.id,
        config: { component: 'stock', input: { article: '{{ secrets.key }}' } },
      },
      {
        tool: 'order',
        target: 'place-order',
        step_type: 'child_workflow',
        config: { workflow: 'place-order', input: { n: 1 } },
      },
      {
        tool: 'ask',
        target: 'ask',
        step_type: 'user_task',
        component_id: form.id,
        config: {
          title: 'Ask the customer',
          description: '{}',
          component: 'ask',
          form: form.output_schema,
        },
      },
    ],
  );
  // A new attempt, before the tools have ended, asks nothing.
  assert.equal((await attempt()).kind, 'waiting');
  assert.equal(received.length, 1);

  end(0, { output: { n: 2 } });
  end(1, { status: 'rejected', error: { code: 'rejected', message: 'No', comment: 'too dear' } });
  end(2, { output: 'text' });
  assert.deepEqual(await output(), {
    text: 'Two.',
    finish_reason: 'stop',
    usage: {
      input_tokens: 6,
      output_tokens: 4,
      total_tokens: 10,
      cached_input_tokens: null,
      reasoning_tokens: null,
    },
    cost: null,
    turns: 2,
    provider: 'openai-compatible',
    model: 'm',
  });
  assert.deepEqual(
    (bodyOf(1).messages as { role: string; content: Json }[]).map(({ role, content }) => [
      role,
      content,
    ]),
    [
      ['system', 'Help.'],
      ['user', '{"q":"How many?"}'],
      ['assistant', null],
      ['tool', '{"n":2}'],
      ['tool', '{"status":"rejected","code":"rejected","message":"No","comment":"too dear"}'],
      ['tool', 'text'],
    ],
  );
  assert.deepEqual(
    received.map(({ headers }) => headers['idempotency-key']),
    ['run-1:step:0', 'run-1:step:0:turn-2'],
  );
  // The answer is stored: a further attempt asks nothing.
  assert.equal(((await output()) as { text: string }).text, 'Two.');
  assert.equal(received.length, 2);
});

Deno.test('Anthropic and OpenAI get the tools and their results in their own forms', async () => {
  const own = { base_url: endpoint.url, api_key: '{{ secrets.key }}', max_tokens: 50 };
  const anthropic = step({ ...own, provider: 'anthropic' });
  const message = (content: object[], stop_reason: string): Reply => ({
    body: {
      type: 'message',
      id: 'msg',
      model: 'm',
      content,
      stop_reason,
      stop_sequence: null,
      usage: { input_tokens: 4, output_tokens: 2 },
    },
  });
  reset(
    message(
      [
        { type: 'text', text: 'I look.' },
        { type: 'tool_use', id: 't1', name: 'stock', input: { article: 'a' } },
      ],
      'tool_use',
    ),
    message([{ type: 'text', text: 'One.' }], 'end_turn'),
  );
  assert.equal((await anthropic.attempt()).kind, 'waiting');
  anthropic.end(0, { output: { n: 1 } });
  assert.equal(((await anthropic.output()) as { text: string }).text, 'One.');
  assert.deepEqual((bodyOf(0).tools as { name: string }[])[0]?.name, 'stock');
  const [, said, results] = bodyOf(1).messages as { role: string; content: Json[] }[];
  assert.deepEqual(said?.content, [
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', id: 't1', name: 'stock', input: { article: 'a' } },
  ]);
  assert.deepEqual(results, {
    role: 'user',
    content: [{ type: 'tool_result', tool_use_id: 't1', content: '{"n":1}' }],
  });

  const openai = step({ ...own, provider: 'openai' });
  const response = (output: object[]): Reply => ({
    body: {
      id: 'resp',
      object: 'response',
      created_at: 0,
      model: 'm',
      status: 'completed',
      output,
      usage: { input_tokens: 4, output_tokens: 2, total_tokens: 6 },
    },
  });
  reset(
    response([
      {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: 'stock',
        arguments: '{"article":"a"}',
        status: 'completed',
      },
    ]),
    response([
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'One.', annotations: [] }],
      },
    ]),
  );
  assert.equal((await openai.attempt()).kind, 'waiting');
  openai.end(0, { status: 'failed', error: { code: 'http_server_error', message: 'Down' } });
  assert.equal(((await openai.output()) as { text: string }).text, 'One.');
  assert.deepEqual((bodyOf(0).tools as { name: string; strict: boolean }[])[0]?.strict, false);
  assert.deepEqual((bodyOf(1).input as Json[]).slice(-2), [
    { type: 'function_call', call_id: 'call_1', name: 'stock', arguments: '{"article":"a"}' },
    {
      type: 'function_call_output',
      call_id: 'call_1',
      output: JSON.stringify({
        error: '{"status":"failed","code":"http_server_error","message":"Down"}',
      }),
    },
  ]);
});

Deno.test('with `stream` the watchers of the run see the text of each turn', async () => {
  const shown: string[] = [];
  const { output } = step({ stream: true, tools: [] }, agent, {
    texts: { open: () => ({ add: (text) => void shown.push(text), end: () => undefined }) },
  });
  const piece = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  reset({
    headers: { 'content-type': 'text/event-stream' },
    raw: `${piece({ content: 'Two' })}${piece({ content: '.' })}${piece({}, 'stop')}data: [DONE]\n\n`,
  });
  assert.equal(((await output()) as { text: string }).text, 'Two.');
  assert.deepEqual([shown.join(''), bodyOf(0).stream], ['Two.', true]);
});

Deno.test('the model gets an error at once for a call that cannot run, and the turn counts', async () => {
  const { output, stored } = step();
  reset(
    calling(
      { name: 'no such tool', input: {} },
      { name: 'stock', input: { article: 7 } },
      { name: 'stock', input: {}, id: 'c0' },
    ),
    say('Sorry.'),
  );
  assert.equal(((await output()) as { turns: number }).turns, 2);
  assert.deepEqual(
    stored[0]?.calls.map(({ id, tool, error }) => [id, tool, error?.code]),
    [
      ['c0', 'no_such_tool', 'unknown_tool'],
      ['c1', 'stock', 'invalid_input'],
      ['c0_2', 'stock', 'invalid_input'],
    ],
  );
  const [unknown] = (bodyOf(1).messages as { role: string; content: string }[]).filter(
    ({ role }) => role === 'tool',
  );
  assert.match(unknown?.content ?? '', /the tools are: stock, order, ask/);
});

Deno.test('an approval has the tool and its input, unless the config has a text of its own', async () => {
  const { attempt, stored } = step({
    tools: [
      { component: 'stock', approval: true },
      { workflow: 'place-order', approval: { title: 'Buy?', role: 'owner', deadline_ms: 5 } },
      { component: 'ask', approval: false, task: { title: 'Which size?', role: 'owner' } },
    ],
  });
  reset(
    calling(
      { name: 'stock', input: { article: 'a' } },
      { name: 'order', input: { n: 1 } },
      { name: 'ask', input: {} },
    ),
  );
  await attempt();
  assert.deepEqual(
    stored[0]?.calls.map(({ approval }) => approval),
    [
      { title: 'Approve the tool stock', description: '{\n  "article": "a"\n}' },
      { title: 'Buy?', description: '{\n  "n": 1\n}', role: 'owner', deadline_ms: 5 },
      undefined,
    ],
  );
  assert.deepEqual(stored[0]?.calls[2]?.config, {
    title: 'Which size?',
    description: '{}',
    component: 'ask',
    form: form.output_schema,
    role: 'owner',
  });
});

Deno.test('an answer that does not match the output schema is corrected by the next attempt', async () => {
  const output_schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
  const { failure, output } = step({}, { ...agent, output_schema });
  reset(say('{"n": "two"}'), say('{"n": 2, "cost": "none"}'));
  const wrong = await failure();
  assert.deepEqual([wrong.code, wrong.retryable], ['llm_invalid_output', true]);
  const result = (await output()) as Record<string, unknown>;
  assert.deepEqual([result.n, result.turns, result.cost], [2, 2, 'none']);
  const messages = bodyOf(1).messages as { role: string; content: string }[];
  assert.deepEqual(
    messages.slice(-2).map(({ role }) => role),
    ['assistant', 'user'],
  );
  assert.match(messages.at(-1)?.content ?? '', /does not match response_schema.*Answer again/);
});

Deno.test('a secret of the prompt is not stored with a turn, and a compensation has no tools', async () => {
  const { attempt, stored } = step({ input: { key: '{{ secrets.key }}' } });
  reset(calling({ name: 'order', input: { key: 'sk-1' } }));
  await attempt();
  assert.deepEqual(stored[0]?.calls[0]?.config, { workflow: 'place-order', input: { key: '***' } });
  const bare = testContext({ component: agent });
  const error = await failureOf('ai_agent_task', { component: 'helper', tools }, bare);
  assert.equal(error.code, 'invalid_config');
});

Deno.test('the config of a tool is taken as it is: it holds no templates', async () => {
  const config = { component: 'helper', input: { q: '{{ secrets.key }}' } };
  const item = { type: 'ai_agent_task', component_id: agent.id, config };
  const tool = { name: 'helper', target: 'helper', description: '', input_schema: null };
  const { step: own, component } = toolStep(item, [{ ...tool, component: agent }], stepHandlers);
  assert.equal(component, agent);
  assert.ok('resolve' in own);
  const ctx = testContext({
    env: testEnv({ OPENAI_BASE_URL: endpoint.url, OPENAI_API_KEY: 'k' }),
    component: agent,
  });
  reset(say('Done.'));
  await own.run(await own.resolve(ctx), () => assert.fail('no secret is read'), ctx);
  const messages = bodyOf(0).messages as { content: string }[];
  assert.equal(messages.at(-1)?.content, '{"q":"{{ secrets.key }}"}');
});

Deno.test('an approval whose template selects nothing is asked for; false is a choice', async () => {
  const asking = facts.map((fact) => ({ ...fact, asks: true }));
  const { attempt, stored } = step(
    {
      tools: [
        { component: 'stock', approval: '{{ input.nothing }}' },
        { workflow: 'place-order', approval: '{{ false }}' },
        { component: 'ask', approval: '{{ true }}' },
      ],
    },
    agent,
    { tools: asking },
  );
  reset(
    calling(
      { name: 'stock', input: { article: 'a' } },
      { name: 'order', input: {} },
      { name: 'ask', input: {} },
    ),
  );
  await attempt();
  assert.deepEqual(
    stored[0]?.calls.map(({ approval }) => approval?.title),
    ['Approve the tool stock', undefined, 'Approve the tool ask'],
  );
});
