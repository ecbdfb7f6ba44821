// llm_call: one chat completion of an OpenAI-compatible endpoint; the output is {text, object?, usage}. With
// response_schema the response is parsed and checked here too, because not every server enforces the schema.

import { z } from 'zod';
import { validateJson } from '../../_shared/expressions/index.ts';
import { llmCallType } from '../../_shared/step-types/llm-call.ts';
import { cutText } from '../../_shared/text/storable.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { refusedBy } from './refusal.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

type LlmConfig = z.output<typeof llmCallType.config>;

const completion = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: z.number(),
      completion_tokens: z.number(),
      total_tokens: z.number(),
    })
    .nullish(),
});

const usageOf = z.object({ usage: z.object({ total_tokens: z.number().nonnegative() }) });

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
      env: ctx.env,
      timeoutMs: ctx.timeoutMs ?? llmCallType.defaultTimeoutMs,
      trusted: true,
    };
    await refusedBy(() => ctx.usage.countLlmCall());
    const answer = await callHttp(call);
    // The tokens are used, whatever becomes of the response.
    const tokens = usageOf.safeParse(answer.body).data?.usage.total_tokens;
    if (tokens !== undefined) await ctx.usage.countTokens(tokens);
    return { kind: 'completed', output: await read(answer.body, config) };
  },
};

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
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
}

async function read(body: unknown, config: LlmConfig): Promise<LlmOutput> {
  const parsed = completion.safeParse(body);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || choice === undefined) {
    throw new StepError(
      'llm_bad_response',
      'the response of the model endpoint is not a chat completion',
      {
        retryable: true,
      },
    );
  }
  const { refusal, content } = choice.message;
  if (refusal) throw new StepError('llm_refused', `the model refused: ${refusal}`);
  if (choice.finish_reason === 'content_filter') {
    throw new StepError('llm_refused', 'a content filter withheld the response');
  }
  const text = content ?? '';
  const usage = parsed.data.usage ?? null;
  if (!config.response_schema) return { text, usage };
  if (choice.finish_reason === 'length') {
    throw new StepError('llm_truncated', 'the response was cut off before its JSON was complete');
  }
  return { text, object: await parseObject(text, config.response_schema), usage };
}

/** Models often put JSON between ``` and ```. */
function withoutFence(text: string): string {
  if (text.length < 6 || !text.startsWith('```') || !text.endsWith('```')) return text;
  const inner = text.slice(3, -3);
  return inner.startsWith('json') ? inner.slice(4) : inner;
}

/** A response that does not match the schema is retryable, because a model rarely responds twice in the same way. */
async function parseObject(text: string, responseSchema: object): Promise<unknown> {
  const bare = withoutFence(text.trim());
  let value: unknown;
  try {
    value = JSON.parse(bare);
  } catch {
    throw new StepError('llm_invalid_output', 'the response of the model is not JSON', {
      retryable: true,
      details: { text: cutText(text, 2_000) },
    });
  }
  const problems = await validateJson(responseSchema, value);
  if (problems.length === 0) return value;
  throw new StepError('llm_invalid_output', 'the response does not match response_schema', {
    retryable: true,
    details: { problems, text: cutText(text, 2_000) },
  });
}
