// One answer of a model: the first of the chosen models that responds. The engine repeats failed steps, so the AI SDK
// never retries. Each call counts against the quotas and budgets of the application, also if the handler rejects its response.

import type { ModelChoice } from '../../_shared/step-types/model-config.ts';
import { cutText } from '../../_shared/text/storable.ts';
import { throwIfAborted } from '../steps/errors.ts';
import { refusedBy } from '../steps/refusal.ts';
import { type CalledModel, type StepContext, StepError } from '../steps/types.ts';
import { type Model, modelOf } from './model.ts';
import { clientFor, createFetch, type Exchange, loadSdk, type Sdk } from './provider.ts';
import { refusalIn, type Tokens, tokensIn } from './responses.ts';
import type { ModelMessage } from './sdk-types.d.ts';

export interface ModelRequest {
  /** In the order in which they are called. */
  choices: readonly ModelChoice[];
  system?: string | undefined;
  messages: ModelMessage[];
  temperature?: number | undefined;
  maxTokens?: number | undefined;
  responseSchema?: Record<string, unknown> | undefined;
  /** That the model may call; the caller runs them. */
  tools?: readonly ModelTool[];
  /** The same for each attempt, another one for each call of a step. */
  idempotencyKey: string;
  /** Of each call; null: the time limit of the attempt is the only one. */
  timeoutMs: number | null;
  /** Whether the watchers of the run see the text while the model writes it. */
  stream?: boolean | undefined;
}

export interface ModelTool {
  name: string;
  description?: string;
  inputSchema: Record<string, unknown>;
}

export interface ToolUse {
  id: string;
  name: string;
  /** The input from the model, also if it does not match the schema of the tool. */
  input: unknown;
}

export interface Usage {
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  cached_input_tokens: number | null;
  reasoning_tokens: number | null;
}

export interface ModelAnswer {
  text: string;
  toolUses: ToolUse[];
  /** As the endpoint gives it. */
  finishReason: string | null;
  /** Null if the endpoint does not tell. */
  usage: Usage | null;
  /** In US dollars; null if the price or the usage is unknown. */
  cost: number | null;
  provider: Model['provider'];
  model: string;
}

/** Failures of a call that another model may not have. */
const FALL_BACK: ReadonlySet<string> = new Set([
  'network_error',
  'http_timeout',
  'http_rate_limited',
  'http_server_error',
  'http_client_error',
  'http_invalid_json',
  'http_response_too_large',
  'llm_invalid_key',
  'llm_bad_response',
]);

export async function askModel(request: ModelRequest, ctx: StepContext): Promise<ModelAnswer> {
  const models = request.choices.map((choice) => modelOf(choice, ctx.env));
  const failures: { model: Model; error: StepError }[] = [];
  for (const [index, model] of models.entries()) {
    try {
      return await call(model, { ...request, idempotencyKey: keyOf(request, index) }, ctx);
    } catch (error) {
      if (!(error instanceof StepError) || !FALL_BACK.has(error.code)) throw error;
      throwIfAborted(ctx.signal);
      failures.push({ model, error });
    }
  }
  throw allFailed(failures);
}

const keyOf = ({ idempotencyKey }: ModelRequest, index: number) =>
  index === 0 ? idempotencyKey : `${idempotencyKey}:fallback-${index}`;

/** The error of the first model, retryable if one of the models may respond to another attempt. */
function allFailed(failures: readonly { model: Model; error: StepError }[]): StepError {
  const [first, ...others] = failures;
  if (first === undefined) throw new Error('a request names at least one model');
  if (others.length === 0) return first.error;
  const retryable = failures.filter(({ error }) => error.retryable);
  const waits = retryable.map(({ error }) => error.retryAfterMs ?? 0);
  return new StepError(
    first.error.code,
    `each of ${failures.length} models failed: ${first.error.message}`,
    {
      retryable: retryable.length > 0,
      ...(Math.min(...waits) > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
      details: {
        models: failures.map(({ model, error }) => ({
          provider: model.provider,
          model: model.name,
          code: error.code,
          message: cutText(error.message, 500),
        })),
      },
    },
  );
}

async function call(model: Model, request: ModelRequest, ctx: StepContext): Promise<ModelAnswer> {
  await refusedBy(() => ctx.usage.countLlmCall(priced(model)));
  const sdk = await loadSdk();
  const exchange: Exchange = {};
  const watched = request.stream ? ctx.texts?.open() : undefined;
  const fetch = createFetch(model, exchange, {
    ctx,
    timeoutMs: request.timeoutMs,
    onText: watched?.add,
  });
  let cost: number | null = null;
  let tokens: Tokens | undefined;
  const count = async () => {
    // Without a body there was no response, and nothing is known about the call.
    if (exchange.body === undefined) return;
    tokens = tokensIn(exchange.body);
    cost = await ctx.usage.countTokens({ ...(tokens ?? UNKNOWN), ...priced(model) });
  };
  const { responseSchema: schema } = request;
  const result = await sdk
    .generateText({
      model: clientFor(model, fetch, sdk),
      maxRetries: 0,
      headers: { 'idempotency-key': request.idempotencyKey },
      ...(request.system ? { instructions: request.system } : {}),
      messages: request.messages,
      allowSystemInMessages: true,
      ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
      ...(request.maxTokens === undefined ? {} : { maxOutputTokens: request.maxTokens }),
      ...(schema === undefined ? {} : { output: outputOf(schema, sdk) }),
      ...(request.tools === undefined ? {} : { tools: toolsOf(request.tools, model, sdk) }),
      providerOptions: strictness(schema),
    })
    .catch(async (error: unknown) => {
      await count();
      throw asStepError(error, exchange);
    })
    .finally(() => watched?.end());
  // The tokens are used even if the response cannot be.
  await count();
  const refusal = refusalIn(exchange.body);
  if (refusal !== undefined) throw new StepError('llm_refused', `the model refused: ${refusal}`);
  return {
    text: result.text,
    toolUses: result.toolCalls.map(({ toolCallId, toolName, input }) => ({
      id: toolCallId,
      name: toolName,
      input,
    })),
    finishReason: result.rawFinishReason ?? null,
    usage: tokens === undefined ? null : usageOf(tokens),
    cost,
    provider: model.provider,
    model: model.name,
  };
}

const UNKNOWN: Tokens = {
  input: null,
  output: null,
  total: null,
  cached_input: null,
  reasoning: null,
};

const priced = ({ provider, name, price, trusted }: Model): CalledModel => ({
  provider,
  model: name,
  ...(price ? { price } : {}),
  ...(trusted ? { is_operators: true } : {}),
});

const usageOf = ({ input, output, total, cached_input, reasoning }: Tokens): Usage => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: total,
  cached_input_tokens: cached_input,
  reasoning_tokens: reasoning,
});

/** Asks for JSON of the schema; the step reads the text by itself, because not every endpoint enforces a schema. */
function outputOf(schema: Record<string, unknown>, sdk: Sdk) {
  const { responseFormat } = sdk.Output.object({ schema: sdk.jsonSchema(schema) });
  return { ...sdk.Output.text(), responseFormat };
}

/** Without functions to execute: the SDK returns the calls. OpenAI's strict mode refuses schemas that it cannot enforce. */
function toolsOf(tools: readonly ModelTool[], { provider }: Model, sdk: Sdk) {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [
      name,
      {
        ...(description === undefined ? {} : { description }),
        inputSchema: sdk.jsonSchema(inputSchema),
        ...(provider === 'openai' ? { strict: isStrict(inputSchema) } : {}),
      },
    ]),
  );
}

function strictness(schema: Record<string, unknown> | undefined) {
  const strictJsonSchema = schema !== undefined && isStrict(schema);
  return { openai: { strictJsonSchema }, compatible: { strictJsonSchema } };
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

function asStepError(error: unknown, { body }: Exchange): unknown {
  if (error instanceof StepError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (body === undefined) {
    return new StepError('invalid_config', `the request cannot be made: ${message}`, {
      details: { error: name },
    });
  }
  return new StepError(
    'llm_bad_response',
    'the response of the model endpoint has an unexpected form',
    { retryable: true, details: { error: name, response: cutText(JSON.stringify(body), 2_000) } },
  );
}
