// llm_call: one answer of a model; the output is {text, object?, finish_reason, usage, cost, provider, model}. With
// response_schema the response is parsed and checked here too, because not every endpoint enforces the schema.

import type { z } from 'zod';
import { validateJson } from '../../_shared/expressions/index.ts';
import { llmCallType } from '../../_shared/step-types/llm-call.ts';
import { cutText } from '../../_shared/text/storable.ts';
import { askModel, type ModelAnswer, type ModelRequest } from '../models/ask.ts';
import { readFiles } from '../models/files.ts';
import { promptTexts } from '../models/prompts.ts';
import type { ModelMessage } from '../models/sdk-types.d.ts';
import { StepError } from './errors.ts';
import { jsonIn } from './llm-json.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

type LlmConfig = z.output<typeof llmCallType.config>;

/** Why a model stopped, in the words of several endpoints. Any other reason is a complete answer. */
const reasons: Readonly<Record<string, ReadonlySet<string>>> = {
  truncated: new Set(['length', 'max_tokens', 'model_length', 'max_output_tokens']),
  refused: new Set(['content_filter', 'safety', 'refusal', 'recitation', 'prohibited_content']),
  tool: new Set(['tool_calls', 'function_call', 'tool_use']),
  failed: new Set(['error', 'malformed_function_call']),
};

export const llmCall: StepHandler<typeof llmCallType> = {
  stepType: llmCallType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const answer = await askModel(await toRequest(config, ctx), ctx);
    return { kind: 'completed', output: await read(answer, config.response_schema ?? undefined) };
  },
};

async function toRequest(config: LlmConfig, ctx: StepContext): Promise<ModelRequest> {
  const { model, provider, base_url, api_key, price } = config;
  const isStored = config.prompt_name !== undefined || config.system_prompt_name !== undefined;
  if (config.system_prompt_name !== undefined && config.system) {
    throw new StepError('invalid_config', 'give either system or system_prompt_name');
  }
  if (!isStored && Object.keys(config.variables ?? {}).length > 0) {
    const message = 'variables are for a stored prompt: give prompt_name or system_prompt_name';
    throw new StepError('invalid_config', message);
  }
  const stored = await promptTexts(
    { system: config.system_prompt_name, prompt: config.prompt_name },
    config.variables ?? {},
    ctx,
  );
  const messages: ModelMessage[] = (
    config.messages ?? [{ role: 'user', content: stored.prompt ?? config.prompt ?? '' }]
  )
    // The AI SDK knows one role for instructions.
    .map(({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content }));
  if (config.files?.length) addFiles(messages, await readFiles(config.files, ctx));
  return {
    choices: [{ model, provider, base_url, api_key, price }, ...(config.fallbacks ?? [])],
    system: stored.system ?? config.system ?? undefined,
    messages,
    temperature: config.temperature,
    maxTokens: config.max_tokens,
    stream: config.stream ?? false,
    responseSchema: config.response_schema ?? undefined,
    idempotencyKey: ctx.idempotencyKey,
    timeoutMs: ctx.timeoutMs === undefined ? llmCallType.defaultTimeoutMs : null,
  };
}

/** To the last message of the user. */
function addFiles(messages: ModelMessage[], files: Awaited<ReturnType<typeof readFiles>>): void {
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const last = messages[at];
  const text = last?.role === 'user' && typeof last.content === 'string' ? last.content : '';
  const message: ModelMessage = { role: 'user', content: [{ type: 'text', text }, ...files] };
  if (last === undefined) messages.push({ ...message, content: files });
  else messages[at] = message;
}

export interface LlmOutput {
  text: string;
  object?: unknown;
  /** As the endpoint gives it. */
  finish_reason: string | null;
  usage: ModelAnswer['usage'];
  /** In US dollars; null if it is not known. */
  cost: number | null;
  provider: string;
  model: string;
}

async function read(
  answer: ModelAnswer,
  schema: Record<string, unknown> | undefined,
): Promise<LlmOutput> {
  assertComplete(answer);
  const { text, finishReason: finish_reason, usage, cost, provider, model } = answer;
  const facts = { finish_reason, usage, cost, provider, model };
  return schema === undefined
    ? { text, ...facts }
    : { text, object: await parseObject(text, schema), ...facts };
}

/** `mayCallTools`: calls of tools are an answer, with or without text. */
export function assertComplete(
  { text, toolUses, finishReason }: ModelAnswer,
  mayCallTools = false,
): void {
  const stoppedBy = (kind: string) =>
    reasons[kind]?.has(finishReason?.toLowerCase() ?? '') ?? false;
  const details = { finish_reason: finishReason, text: cutText(text, 2_000) };
  if (stoppedBy('refused')) {
    throw new StepError('llm_refused', 'a content filter withheld the response', { details });
  }
  if (stoppedBy('truncated')) {
    throw new StepError('llm_truncated', 'the response was cut off: raise max_tokens', { details });
  }
  if (mayCallTools && toolUses.length > 0) return;
  if (stoppedBy('tool') || (toolUses.length > 0 && text === '')) {
    throw new StepError('llm_tool_call', 'the model asked for a tool, but the step has none', {
      details,
    });
  }
  if (text === '' || stoppedBy('failed')) {
    throw new StepError('llm_bad_response', 'the response of the model has no complete text', {
      retryable: true,
      details,
    });
  }
}

/** Retryable, because a model rarely responds twice in the same way. */
function invalidOutput(message: string, details: Record<string, unknown>): StepError {
  return new StepError('llm_invalid_output', message, { retryable: true, details });
}

export async function parseObject(answer: string, responseSchema: object): Promise<unknown> {
  const text = cutText(answer, 2_000);
  let problems: Awaited<ReturnType<typeof validateJson>> | undefined;
  for (const values of jsonIn(answer)) {
    const fitting = new Map<string, unknown>();
    for (const value of values) {
      const found = await validateJson(responseSchema, value);
      if (found.length === 0) fitting.set(JSON.stringify(value), value);
      else problems ??= found;
    }
    if (fitting.size > 1) {
      throw invalidOutput('the response has several values that match response_schema', { text });
    }
    for (const value of fitting.values()) return value;
  }
  throw problems === undefined
    ? invalidOutput('the response of the model is not JSON', { text })
    : invalidOutput('the response does not match response_schema', { problems, text });
}
