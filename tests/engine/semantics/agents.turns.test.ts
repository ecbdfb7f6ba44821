// Agents with tools: a component, a workflow and a person's task run side by side, a person approves, and the model gets
// every result. The model answers as the input of the step asks.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpServer, type Reply, serveHttp } from '../../../scripts/fakes/http.ts';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

interface Message {
  role: string;
  content: string;
}

let b: TestApp;
let outside: HttpServer;
let child: string;
let slow: string;
/** The messages of each call of the model, by the mark in its input. */
const asked = new Map<string, Message[][]>();
const served: { key: string | undefined; input: unknown }[] = [];
const mark = randomUUID().slice(0, 8);
const AGENT = `agent-${mark}`;
const STOCK = `stock-${mark}`;
const FORM = `form-${mark}`;

beforeAll(async () => {
  outside = await serveHttp((request) => {
    if (request.path === '/v1/chat/completions') {
      return answer((request.body as { messages: Message[] }).messages);
    }
    const { input } = request.body as { input: { fails?: boolean } };
    served.push({ key: request.headers['idempotency-key'], input });
    return input.fails ? { status: 500, body: {} } : { body: { left: 4 } };
  });
  b = await testApp();
  const prompt = await b.developer
    .from('agent_prompts')
    .insert({ name: `prompt-${mark}`, prompt_content: 'Use your tools.' })
    .select('id')
    .single();
  const { error } = await b.developer.from('components').insert([
    {
      name: AGENT,
      implementation_type: 'ai_agent_task',
      agent_prompt_id: prompt.data?.id ?? null,
      model_name: 'm',
    },
    {
      name: STOCK,
      implementation_type: 'service_task',
      endpoint: `${outside.url}/stock`,
      input_schema: { type: 'object', properties: { article: { type: 'string' } } },
    },
    {
      name: FORM,
      implementation_type: 'user_task',
      output_schema: { type: 'object', required: ['size'] },
    },
  ]);
  expect(error).toBeNull();
  child = await b.publish([value('double', 'input.n * 2')]);
  slow = await b.publish([node('wait', 'delay', { ms: 86_400_000 })]);
});
afterAll(() => outside?.stop());

/** Asks for the tools in the input of the agent; after their results, it repeats the last one. */
function answer(messages: Message[]): Reply {
  const question = JSON.parse(messages.find(({ role }) => role === 'user')?.content ?? '{}') as {
    mark: string;
    calls: { name: string; input: unknown }[];
    again?: boolean;
  };
  asked.set(question.mark, [...(asked.get(question.mark) ?? []), messages]);
  const last = messages.at(-1);
  const message =
    last?.role === 'tool' && question.again !== true
      ? { content: `Done: ${last.content}` }
      : {
          content: null,
          tool_calls: question.calls.map(({ name, input }, index) => ({
            id: `call_${messages.length}_${index}`,
            type: 'function',
            function: { name, arguments: JSON.stringify(input) },
          })),
        };
  return {
    body: {
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', ...message } }],
      usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
    },
  };
}

interface Call {
  name: string;
  input: Json;
}

const config = (tools: Json[], calls: Call[], more: Record<string, Json> = {}) => ({
  component: AGENT,
  base_url: `${outside.url}/v1`,
  price: { input: 1, output: 10 },
  tools,
  input: { mark: '{{ run.id }}', calls: calls as unknown as Json },
  ...more,
});

async function start(tools: Json[], calls: Call[], more: Record<string, Json> = {}) {
  const { again, ...settings } = more;
  const agent = config(tools, calls, settings);
  if (again) agent.input = { ...agent.input, again } as typeof agent.input;
  const name = await b.publish(
    [node('agent', 'ai_agent_task', agent), value('after', 'steps.agent.output.turns')],
    ['agent > after'],
  );
  return (await b.start(name)).id;
}

/** The calls of the first turn. */
async function calls(runId: string) {
  const { data } = await b.developer
    .from('agent_tool_calls')
    .select('tool, status, output, error')
    .eq('run_id', runId)
    .order('turn')
    .order('position');
  return data ?? [];
}

const task = (runId: string, type: string) =>
  waitFor(`a ${type} of ${runId}`, async () => {
    const { data } = await b.developer
      .from('step_runs')
      .select('*')
      .eq('run_id', runId)
      .eq('step_type', type)
      .eq('status', 'waiting');
    return data?.[0];
  });

test('tools run side by side: a component, a workflow after its approval, and a task', async () => {
  const id = await start(
    [
      { component: STOCK, name: 'stock' },
      { workflow: child, name: 'double', approval: { title: 'Double it?' } },
      { component: FORM, name: 'size', task: { title: 'Which size?' } },
    ],
    [
      { name: 'stock', input: { article: 'a' } },
      { name: 'double', input: { n: 21 } },
      { name: 'size', input: {} },
    ],
  );
  const [approval, form] = await Promise.all([
    task(id, 'wait_for_approval'),
    task(id, 'user_task'),
  ]);
  expect(approval.task).toMatchObject({ title: 'Double it?', description: '{\n  "n": 21\n}' });
  await waitFor('the component', async () => (await calls(id))[0]?.status === 'completed');
  const { data: explained } = await b.developer.rpc('explain_run', { run_id: id });
  const { steps } = explained as { steps: { step: string; tool?: string; sentence: string }[] };
  expect(steps.find(({ tool }) => tool === undefined)?.sentence).toBe(
    'Waits for 2 tools: double (a person has to approve it), size.',
  );
  await b.admin.rpc('decide_approval', { step_run_id: approval.id, approved: true });
  await b.admin.rpc('complete_task', { step_run_id: form.id, output: { size: 'L' } });

  const { run, all, step } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { after: 2 } });
  expect(step('agent').output).toEqual({
    text: 'Done: {"size":"L"}',
    finish_reason: 'stop',
    usage: {
      input_tokens: 20,
      output_tokens: 2,
      total_tokens: 22,
      cached_input_tokens: null,
      reasoning_tokens: null,
    },
    cost: 0.00004,
    turns: 2,
    provider: 'openai-compatible',
    model: 'm',
  });
  expect(await calls(id)).toEqual([
    { tool: 'stock', status: 'completed', output: { left: 4 }, error: null },
    { tool: 'double', status: 'completed', output: { double: 42 }, error: null },
    { tool: 'size', status: 'completed', output: { size: 'L' }, error: null },
  ]);
  expect(asked.get(id)?.[1]?.slice(-3)).toMatchObject([
    { role: 'tool', content: '{"left":4}' },
    { role: 'tool', content: '{"double":42}' },
    { role: 'tool', content: '{"size":"L"}' },
  ]);
  // One attempt in all, although two workers' turns executed it, and a key for each call of a tool.
  expect(all.filter((s) => s.item_index === 0).map((s) => s.attempt)).toEqual([1, 1]);
  expect(served.map(({ key }) => key)).toContain(`${id}:agent:-2`);
});

test('a rejection, a failure and a refused input are results for the model', async () => {
  const id = await start(
    [
      { component: STOCK, name: 'stock' },
      { workflow: child, name: 'double', approval: true },
      { workflow: child, name: 'free' },
    ],
    [
      { name: 'stock', input: { fails: true } },
      { name: 'double', input: { n: 1 } },
      { name: 'free', input: { n: 'x' } },
      { name: 'stock', input: { article: 1 } },
      { name: 'nothing', input: {} },
    ],
  );
  const approval = await task(id, 'wait_for_approval');
  await b.admin.rpc('decide_approval', {
    step_run_id: approval.id,
    approved: false,
    comment: 'Not today',
  });
  const { run } = await b.ended(id);
  expect(run.status).toBe('completed');
  expect((await calls(id)).map(({ status, error }) => [status, error])).toMatchObject([
    ['failed', { code: 'http_server_error' }],
    ['rejected', { code: 'rejected', comment: 'Not today' }],
    ['failed', { code: 'child_failed' }],
    ['failed', { code: 'invalid_input' }],
    ['failed', { code: 'unknown_tool' }],
  ]);
  expect(
    asked
      .get(id)?.[1]
      ?.map(({ role }) => role)
      .filter((role) => role === 'tool'),
  ).toHaveLength(5);
});

test('a cancelled run cancels the child run of its tool', async () => {
  const id = await start([{ workflow: slow, name: 'slow' }], [{ name: 'slow', input: {} }]);
  const childRun = await waitFor('the child run', async () => {
    const { data } = await b.developer.from('runs').select('id, status').eq('parent_run_id', id);
    return data?.[0]?.status === 'running' ? data[0] : undefined;
  });
  await b.developer.rpc('cancel_run', { run_id: id });
  await b.ended(id);
  expect((await b.ended(childRun.id)).run.status).toBe('cancelled');
  expect(await calls(id)).toMatchObject([{ status: 'cancelled' }]);
});

test('each item of a for_each has turns and tools of its own; a limit ends the agent', async () => {
  const agent = config(
    [{ component: STOCK, name: 'stock' }],
    [{ name: 'stock', input: { article: 'b' } }],
  );
  const { run } = await b.run([
    node('each', 'for_each', {
      items: [1, 2, 3],
      step: { type: 'ai_agent_task', config: agent },
    }),
  ]);
  expect(run.status).toBe('completed');
  const outputs = (run.output as { each: { text: string; turns: number }[] }).each;
  expect(outputs.map(({ text, turns }) => [text, turns])).toEqual(
    Array(3).fill(['Done: {"left":4}', 2]),
  );

  const id = await start(
    [{ component: STOCK, name: 'stock' }],
    [{ name: 'stock', input: { article: 'c' } }],
    { max_turns: 2, again: true },
  );
  const { run: endless } = await b.ended(id);
  expect(endless).toMatchObject({
    status: 'failed',
    error: {
      code: 'agent_max_turns',
      details: { turns: 2, last_turns: [{ turn: 1 }, { turn: 2, tools: [{ tool: 'stock' }] }] },
    },
  });
});
