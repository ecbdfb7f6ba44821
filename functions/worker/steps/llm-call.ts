// llm_call: one chat completion of an OpenAI-compatible endpoint; the output is {text, object?, finish_reason, usage}. With
// response_schema the response is parsed and checked here too, because not every server enforces the schema.

import { z } from 'zod';
import { validateJson } from '../../_shared/expressions/index.ts';
import { llmCallType } from '../../_shared/step-types/llm-call.ts';
import { cutText } from '../../_shared/text/storable.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { jsonIn } from './llm-json.ts';
import { refusedBy } from './refusal.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

type LlmConfig = z.output<typeof llmCallType.config>;

/** Only what the step needs: a detail in another form does not decide over a good answer. */
const completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.unknown().optional(),
        message: z.object({
          content: z.unknown().optional(),
          refusal: z.unknown().optional(),
          tool_calls: z.unknown().optional(),
        }),
      }),
    )
    .min(1),
  usage: z.unknown().optional(),
});

const count = z.number().nonnegative().optional().catch(undefined);
const usageOf = z.object({
  usage: z.object({ total_tokens: count, prompt_tokens: count, completion_tokens: count }),
});

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
    const { baseUrl, apiKey } = ctx.env.openai;
    const headers = new Headers({
      'content-type': 'application/json',
      accept: 'application/json',
      'idempotency-key': ctx.idempotencyKey,
    });
    if (apiKey !== undefined) headers.set('authorization', `Bearer ${apiKey}`);
    const call = {
      method: 'POST',
      url: new URL(`${baseUrl}/chat/completions`),
      headers,
      body: JSON.stringify(toRequest(config)),
      signal: ctx.signal,
      appCode: ctx.run.app_code,
      env: ctx.env,
      timeoutMs: ctx.timeoutMs ?? llmCallType.defaultTimeoutMs,
      trusted: true,
    };
    await refusedBy(() => ctx.usage.countLlmCall());
    const answer = await callHttp(call);
    // The tokens are used even if the response cannot be.
    const tokens = tokensOf(answer.body);
    if (tokens > 0) await ctx.usage.countTokens(tokens);
    return { kind: 'completed', output: await read(answer.body, config) };
  },
};

/** Some endpoints leave out the total, or the whole usage. */
function tokensOf(body: unknown): number {
  const {
    total_tokens,
    prompt_tokens = 0,
    completion_tokens = 0,
  } = usageOf.safeParse(body).data?.usage ?? {};
  return total_tokens ?? prompt_tokens + completion_tokens;
}

function toRequest(config: LlmConfig): Record<string, unknown> {
  const said = config.messages ?? [{ role: 'user' as const, content: config.prompt ?? '' }];
  return {
    model: config.model,
    messages: config.system ? [{ role: 'system', content: config.system }, ...said] : said,
    ...(config.temperature === undefined ? {} : { temperature: config.temperature }),
    ...(config.max_tokens === undefined ? {} : { max_tokens: config.max_tokens }),
    ...(config.response_schema
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: {
              name: 'response',
              strict: isStrict(config.response_schema),
              schema: config.response_schema,
            },
          },
        }
      : {}),
  };
}

/** OpenAI's strict mode refuses schemas with optional or additional properties instead of ignoring the flag. */
function isStrict(node: unknown): boolean {
  if (Array.isArray(node)) return node.every(isStrict);
  if (typeof node !== 'object' || node === null) return true;
  const { type, properties, required, additionalProperties } = node as Record<string, unknown>;
  if (type === 'object' || properties !== undefined) {
    const names = Object.keys((properties as object | undefined) ?? {});
    const listed: readonly unknown[] = Array.isArray(required) ? required : [];
    if (additionalProperties !== false || !names.every((name) => listed.includes(name)))
      return false;
  }
  return Object.values(node).every(isStrict);
}

interface LlmOutput {
  text: string;
  object?: unknown;
  /** As the endpoint gives it. */
  finish_reason: string | null;
  usage: Record<string, unknown> | null;
}

async function read(body: unknown, config: LlmConfig): Promise<LlmOutput> {
  const parsed = completion.safeParse(body);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || choice === undefined) {
    throw badResponse('the response of the model endpoint is not a chat completion', body);
  }
  const { message } = choice;
  const reason = typeof choice.finish_reason === 'string' ? choice.finish_reason : null;
  const stoppedBy = (kind: string) => reasons[kind]?.has(reason?.toLowerCase() ?? '') ?? false;
  const text = textOf(message.content);
  const details = { finish_reason: reason, text: cutText(text ?? '', 2_000) };
  if (typeof message.refusal === 'string' && message.refusal !== '') {
    throw new StepError('llm_refused', `the model refused: ${message.refusal}`);
  }
  if (stoppedBy('refused')) {
    throw new StepError('llm_refused', 'a content filter withheld the response', { details });
  }
  if (stoppedBy('truncated')) {
    throw new StepError('llm_truncated', 'the response was cut off: raise max_tokens', { details });
  }
  const hasCalls = Array.isArray(message.tool_calls) && message.tool_calls.length > 0;
  if (stoppedBy('tool') || (hasCalls && !text)) {
    throw new StepError('llm_tool_call', 'the model asked for a tool, but the step has none', {
      details,
    });
  }
  if (text === undefined || stoppedBy('failed')) {
    throw badResponse('the response of the model endpoint has no complete text', body);
  }
  const usage = isRecord(parsed.data.usage) ? parsed.data.usage : null;
  if (!config.response_schema) return { text, finish_reason: reason, usage };
  const object = await parseObject(text, config.response_schema);
  return { text, object, finish_reason: reason, usage };
}

function badResponse(message: string, body: unknown): StepError {
  const response = cutText(JSON.stringify(body) ?? 'null', 2_000);
  return new StepError('llm_bad_response', message, { retryable: true, details: { response } });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text, or the texts of a list of parts. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content
    .map((part: unknown) => (isRecord(part) ? part.text : part))
    .filter((text) => typeof text === 'string');
  return texts.length === 0 ? undefined : texts.join('');
}

/** Retryable, because a model rarely responds twice in the same way. */
function invalidOutput(message: string, details: Record<string, unknown>): StepError {
  return new StepError('llm_invalid_output', message, { retryable: true, details });
}

async function parseObject(answer: string, responseSchema: object): Promise<unknown> {
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
