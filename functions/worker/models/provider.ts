// The AI SDK's client for a model. Its requests go through the HTTP client of steps, so the egress check, the hosts of
// secrets, the size limit and the error codes are those of every other call.

import { fetchBytes } from '../steps/http-client.ts';
import { type StepContext, StepError } from '../steps/types.ts';
import type { Model } from './model.ts';
import { normalizeCompletion } from './responses.ts';
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

export function createFetch(
  model: Model,
  exchange: Exchange,
  { ctx, timeoutMs }: { ctx: StepContext; timeoutMs: number },
): Fetch {
  return async (input, init = {}) => {
    const response = await fetchBytes({
      method: init.method ?? 'POST',
      url: new URL(input instanceof Request ? input.url : input),
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? init.body : '',
      signal: ctx.signal,
      appCode: ctx.run.app_code,
      env: ctx.env,
      timeoutMs,
      trusted: model.trusted,
    }).catch((error: unknown) => {
      throw withoutKey(error);
    });
    const body = await readJson(response);
    exchange.body = body;
    return Response.json(model.provider === 'openai-compatible' ? normalizeCompletion(body) : body);
  };
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
