// The turns of an agent. Each answer of the model is stored before its tools run, and an attempt continues after the last
// stored turn, so that a crash repeats at most one call of the model. While tools are open, the step waits without a worker.

import type { z } from 'zod';
import { DEFAULT_TURNS } from '../../_shared/step-types/agent-tools.ts';
import type { aiAgentTaskType } from '../../_shared/step-types/ai-agent-task.ts';
import { cutText } from '../../_shared/text/storable.ts';
import { askModel, type ModelAnswer, type Usage } from '../models/ask.ts';
import { isRecord } from '../models/responses.ts';
import { StepError } from '../steps/errors.ts';
import { assertComplete, parseObject } from '../steps/llm-call.ts';
import type { Component, StepContext, StepResult } from '../steps/types.ts';
import { conversation } from './conversation.ts';
import { type Tool, toCalls, toolsOf } from './tools.ts';
import type { StoredTurn } from './types.ts';

export type AgentConfig = z.output<typeof aiAgentTaskType.config>;

export interface Agent {
  component: Component;
  config: AgentConfig;
  model: string;
  /** The prompt with its templates filled in. */
  system: string;
  input: unknown;
}

export async function runAgent(agent: Agent, ctx: StepContext): Promise<StepResult> {
  const { config, component } = agent;
  const tools = toolsOf(config.tools ?? [], ctx.tools);
  const turns = await ctx.agentTurns.load();
  let asked = false;
  for (;;) {
    const last = turns.at(-1);
    if (last?.calls.some(({ status }) => isOpen(status))) {
      const { deadline_ms: timeoutMs } = config;
      return { kind: 'waiting', reason: 'tools', ...(timeoutMs ? { timeoutMs } : {}) };
    }
    if (last?.calls.length === 0) {
      const result = await resultOf(last, component);
      if ('value' in result) return completed(result.value, last, turns);
      // As for llm_call: another attempt asks the model again.
      if (asked) throw result.error;
    }
    assertWithinLimits(config, turns);
    turns.push(await takeTurn(agent, turns, tools, ctx));
    asked = true;
  }
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'rejected', 'cancelled']);
const isOpen = (status: string) => !ENDED.has(status);

async function takeTurn(
  { config, component, model, system, input }: Agent,
  turns: readonly StoredTurn[],
  tools: readonly Tool[],
  ctx: StepContext,
): Promise<StoredTurn> {
  const { provider, base_url, api_key, price } = config;
  const turn = turns.length + 1;
  const problems = await problemsOf(turns, component);
  const answer = await askModel(
    {
      choices: [{ model, provider, base_url, api_key, price }, ...(config.fallbacks ?? [])],
      system,
      messages: conversation(input, turns, ({ turn: at }) => problems.get(at) ?? ''),
      temperature: config.temperature,
      maxTokens: config.max_tokens,
      stream: config.stream ?? false,
      responseSchema: component.output_schema ?? undefined,
      ...(tools.length === 0 ? {} : { tools }),
      idempotencyKey: turn === 1 ? ctx.idempotencyKey : `${ctx.idempotencyKey}:turn-${turn}`,
      timeoutMs: ctx.timeoutMs === undefined ? component.timeout_ms : null,
    },
    ctx,
  );
  assertComplete(answer, tools.length > 0);
  const calls = await toCalls(answer.toolUses, tools);
  const stored = { ...factsOf(answer), turn, text: answer.text };
  await ctx.agentTurns.store({ ...stored, calls });
  return {
    ...stored,
    calls: calls.map(({ id, tool, input: given, error }) => ({
      id,
      tool,
      input: given,
      status: error === undefined ? 'pending' : 'failed',
      output: null,
      error: error ?? null,
    })),
  };
}

const factsOf = ({ finishReason, usage, cost, provider, model }: ModelAnswer) => ({
  finish_reason: finishReason,
  usage,
  cost,
  provider,
  model,
});

/** The message to the model about each answer that does not match the output schema. */
async function problemsOf(
  turns: readonly StoredTurn[],
  component: Component,
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const turn of turns) {
    if (turn.calls.length > 0) continue;
    const result = await resultOf(turn, component);
    if ('error' in result) {
      const { message, details } = result.error;
      found.set(
        turn.turn,
        `${message}. Answer again with JSON that matches the schema. ${cutText(JSON.stringify(details), 4_000)}`,
      );
    }
  }
  return found;
}

type Result = { value: unknown } | { error: StepError };

async function resultOf({ text }: StoredTurn, component: Component): Promise<Result> {
  if (component.output_schema === null) return { value: { text } };
  try {
    return { value: await parseObject(text, component.output_schema) };
  } catch (error) {
    if (error instanceof StepError && error.code === 'llm_invalid_output') return { error };
    throw error;
  }
}

/** The properties of the result come last: those of an output schema keep their meaning. */
function completed(value: unknown, last: StoredTurn, turns: readonly StoredTurn[]): StepResult {
  const { finish_reason, provider, model } = last;
  const facts = { finish_reason, ...sums(turns), turns: turns.length, provider, model };
  return { kind: 'completed', output: isRecord(value) ? { ...facts, ...value } : value };
}

const COUNTS = [
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'cached_input_tokens',
  'reasoning_tokens',
] as const satisfies (keyof Usage)[];

/** Null: no turn has the number. The cost is null as soon as that of one turn is not known. */
function sums(turns: readonly StoredTurn[]): { usage: Usage | null; cost: number | null } {
  const told = turns.map(({ usage }) => usage).filter((usage) => usage !== null);
  const sum = (key: keyof Usage) => {
    const known = told.map((usage) => usage[key]).filter((count) => count !== null);
    return known.length === 0 ? null : known.reduce((total, count) => total + count, 0);
  };
  const usage = Object.fromEntries(COUNTS.map((key) => [key, sum(key)])) as unknown as Usage;
  return {
    usage: told.length === 0 ? null : usage,
    cost: turns.reduce<number | null>(
      (total, { cost }) => (total === null || cost === null ? null : total + cost),
      0,
    ),
  };
}

function assertWithinLimits(config: AgentConfig, turns: readonly StoredTurn[]): void {
  const { usage, cost } = sums(turns);
  const details = { turns: turns.length, usage, cost, last_turns: turns.slice(-3).map(summary) };
  const maxTurns = config.max_turns ?? DEFAULT_TURNS;
  if (turns.length >= maxTurns) {
    throw new StepError('agent_max_turns', `the agent has no result after ${maxTurns} turns`, {
      details,
    });
  }
  const { max_cost: maxCost } = config;
  if (maxCost === undefined || maxCost === null) return;
  if (cost === null) {
    throw new StepError(
      'agent_unknown_cost',
      'max_cost needs the price of the model: the cost of a turn is not known',
      { details },
    );
  }
  if (turns.length > 0 && cost >= maxCost) {
    throw new StepError('agent_max_cost', `the agent has used ${cost} of ${maxCost} US dollars`, {
      details,
    });
  }
}

/** Short: the turns are in the table agent_turns. */
const summary = ({ turn, text, calls }: StoredTurn) => ({
  turn,
  text: cutText(text, 300),
  tools: calls.slice(0, 8).map(({ tool, status }) => ({ tool, status })),
});
