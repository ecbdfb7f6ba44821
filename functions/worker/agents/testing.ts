// For the tests beside this file: a provider on loopback whose replies a test gives, and an agent step that keeps its
// turns in a list in memory.

import { type Received, type Reply, serveHttp } from '../../../scripts/fakes/http.ts';
import type { Json } from '../../_shared/expressions/index.ts';
import { afterAll, failureOf, outputOf, runStep, testContext, testEnv } from '../steps/testing.ts';
import type { Component, StepContext, StepResult } from '../steps/types.ts';
import type { NewTurn, StoredTurn, ToolFacts } from './types.ts';

export const received: Received[] = [];
let replies: Reply[] = [];
export const endpoint = await serveHttp((request) => {
  received.push(request);
  return replies.shift() ?? { status: 404, body: {} };
});
afterAll(() => endpoint.stop());

export const agent: Component = {
  id: '019a0000-0000-7000-8000-0000000000a0',
  name: 'helper',
  version: '1.0.0',
  type: 'ai_agent_task',
  is_active: true,
  endpoint: null,
  timeout_ms: 5_000,
  callback_timeout_ms: 60_000,
  heartbeat_timeout_ms: null,
  model: 'm',
  input_schema: null,
  output_schema: null,
  ui_widget_id: null,
  ui_definitions: {},
  prompt: 'Help.',
  prompt_variables: {},
};
export const stock: Component = {
  ...agent,
  id: '019a0000-0000-7000-8000-0000000000b0',
  name: 'stock',
  type: 'service_task',
  endpoint: 'http://127.0.0.1:1',
};
export const form: Component = {
  ...stock,
  id: '019a0000-0000-7000-8000-0000000000c0',
  name: 'ask',
  type: 'user_task',
  endpoint: null,
  output_schema: { type: 'object', required: ['size'] },
};
export const article = {
  type: 'object',
  properties: { article: { type: 'string' } },
  required: ['article'],
};
export const facts: ToolFacts[] = [
  {
    name: 'stock',
    target: 'stock',
    description: 'Counts.',
    input_schema: article,
    component: stock,
  },
  { name: 'order', target: 'place-order', description: null, input_schema: null },
  {
    name: 'ask',
    target: 'ask',
    description: 'Ask the customer',
    input_schema: null,
    component: form,
  },
];
export const tools = [{ component: 'stock' }, { workflow: 'place-order' }, { component: 'ask' }];

/** A step with its stored turns, which survive its attempts. */
export function step(
  config: object = {},
  component: Component = agent,
  overrides: Partial<StepContext> = {},
) {
  const turns: StoredTurn[] = [];
  const stored: NewTurn[] = [];
  const ctx: StepContext = testContext({
    env: testEnv({ OPENAI_BASE_URL: endpoint.url, OPENAI_API_KEY: 'k' }),
    component,
    tools: facts,
    ...overrides,
    agentTurns: {
      load: () => Promise.resolve(structuredClone(turns)),
      store(turn) {
        stored.push(turn);
        turns.push({
          ...turn,
          calls: turn.calls.map(({ id, tool, input, error }) => ({
            id,
            tool,
            input,
            status: error ? 'failed' : 'pending',
            output: null,
            error: error ?? null,
          })),
        });
        return Promise.resolve();
      },
    },
  });
  const full = { component: 'helper', input: { q: 'How many?' }, tools, ...config };
  return {
    turns,
    stored,
    attempt: (): Promise<StepResult> => runStep('ai_agent_task', full, ctx, { key: 'sk-1' }),
    output: () => outputOf('ai_agent_task', full, ctx, { key: 'sk-1' }),
    failure: () => failureOf('ai_agent_task', full, ctx, { key: 'sk-1' }),
    /** The engine's part: the tool has ended. */
    end(position: number, result: Partial<StoredTurn['calls'][number]>) {
      Object.assign(turns.at(-1)?.calls[position] ?? {}, { status: 'completed', ...result });
    },
  };
}

export const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
export const chat = (message: object, finish_reason = 'stop'): Reply => ({
  body: {
    choices: [{ index: 0, finish_reason, message: { role: 'assistant', ...message } }],
    usage,
  },
});
export const calling = (...calls: { name: string; input: unknown; id?: string }[]): Reply =>
  chat(
    {
      content: null,
      tool_calls: calls.map(({ name, input, id }, index) => ({
        id: id ?? `c${index}`,
        type: 'function',
        function: { name, arguments: JSON.stringify(input) },
      })),
    },
    'tool_calls',
  );
export const say = (content: string) => chat({ content });
export const bodyOf = (index: number) => received[index]?.body as Record<string, Json>;

export function reset(...next: Reply[]): void {
  received.length = 0;
  replies = next;
}
