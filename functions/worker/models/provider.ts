// The AI SDK's client for a model. Its requests go through the HTTP client of steps, so the egress check, the hosts of
// secrets, the size limit and the error codes are those of every other call.

import { fetchBytes, fetchEvents, type HttpCall } from '../steps/http-client.ts';
import { type StepContext, StepError } from '../steps/types.ts';
import { createAssembler, EventReader } from './events.ts';
import type { Model } from './model.ts';
import { normalizeCompletion, withFewCalls } from './responses.ts';
import type { Fetch, LanguageModel } from './sdk-types.d.ts';

export type Sdk = typeof import('./sdk-types.d.ts');

/** tsc reads the types of the packages, which differ in details of exactOptionalPropertyTypes; Deno reads ours. */
export async function loadSdk(): Promise<Sdk> {
  return (await import('./sdk.ts')) as unknown as Sdk;
}

export interface Exchange {
  /** The body of the last response as the endpoint gave it. */
  body?: unknown;
}

/** The key is always given: otherwise the SDK would take one from the environment of the worker. */
export function clientFor(model: Model, fetch: Fetch, sdk: Sdk): LanguageModel {
  const { name, baseUrl: baseURL, apiKey } = model;
  switch (model.provider) {
    case 'openai':
      return sdk.createOpenAI({ baseURL, apiKey: apiKey ?? '', fetch })(name);
    case 'anthropic':
      return sdk.createAnthropic({ baseURL, apiKey: apiKey ?? '', fetch })(name);
    default:
      return sdk.createOpenAICompatible({
        name: 'compatible',
        baseURL,
        fetch,
        supportsStructuredOutputs: true,
        ...(apiKey === undefined ? {} : { apiKey }),
      })(name);
  }
}

interface FetchOptions {
  ctx: StepContext;
  timeoutMs: number | null;
  /** Gets the text while the model writes it. */
  onText?: ((text: string) => void) | undefined;
}

export function createFetch(
  model: Model,
  exchange: Exchange,
  { ctx, timeoutMs, onText }: FetchOptions,
): Fetch {
  return async (input, init = {}) => {
    const call: HttpCall = {
      method: init.method ?? 'POST',
      url: new URL(input instanceof Request ? input.url : input),
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? init.body : '',
      signal: ctx.signal,
      appCode: ctx.run.app_code,
      env: ctx.env,
      timeoutMs,
      trusted: model.trusted,
    };
    const answer = onText === undefined ? whole(call) : streamed(call, model, exchange, onText);
    const body = await answer.catch((error: unknown) => {
      throw withoutKey(error);
    });
    exchange.body = body;
    return Response.json(
      model.provider === 'openai-compatible' ? normalizeCompletion(body) : withFewCalls(body),
    );
  };
}

const whole = async (call: HttpCall) => readJson(await fetchBytes(call));

/** The events of an answer have several hundred bytes for each token; only its text is kept. */
const BYTES_OF_EVENTS = 8;

async function streamed(
  call: HttpCall,
  { provider }: Model,
  exchange: Exchange,
  onText: (text: string) => void,
): Promise<unknown> {
  const events = new EventReader();
  const answer = createAssembler(provider);
  const headers = new Headers(call.headers);
  // A compressed stream would arrive in large pieces.
  headers.set('accept-encoding', 'identity');
  const maxResponseBytes = call.env.limits.responseBytes * BYTES_OF_EVENTS;
  const body = streamingBody(String(call.body), provider);
  let hasBegun = false;
  const request = { ...call, headers, maxResponseBytes, body };
  const response = await fetchEvents(request, (piece) => {
    for (const event of events.read(piece)) {
      hasBegun = true;
      onText(answer.add(event));
    }
  }).finally(() => {
    // The tokens count, also if the stream breaks off.
    if (hasBegun) exchange.body = answer.body();
  });
  // An endpoint that does not stream answers with the whole body.
  if (response !== undefined) return await readJson(response);
  if (answer.isWhole) return answer.body();
  const message = 'the stream of the model endpoint ended before the answer was complete';
  throw new StepError('llm_bad_response', message, { retryable: true });
}

/** The SDK wrote the body: an object without these keys. */
function streamingBody(body: string, provider: Model['provider']): string {
  const usage = provider === 'openai-compatible' ? '"stream_options":{"include_usage":true},' : '';
  return body.replace(/^\{/, `{"stream":true,${usage}`);
}

/** A wrong key is the most frequent mistake, so it has a code of its own. */
function withoutKey(error: unknown): unknown {
  if (!(error instanceof StepError) || error.code !== 'http_client_error') return error;
  const { status } = error.details as { status?: number };
  if (status !== 401 && status !== 403) return error;
  const message = 'the model endpoint refused the key: check api_key and the secret that it names';
  return new StepError('llm_invalid_key', message, { details: error.details });
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text === '' ? null : text;
  }
}
