// http_request: calls an HTTP API once; the output is {status, headers, body}.

import { z } from 'zod';
import { StepError } from './errors.ts';
import { assertAccepted, callHttp } from './http-client.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const schema = z.object({
  method: z
    .string()
    .transform((method) => method.toUpperCase())
    .pipe(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
    .default('GET'),
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), scalar.nullable()).default({}),
  query: z.record(z.string(), z.union([scalar, z.array(scalar)]).nullable()).default({}),
  body: z.unknown().optional(),
  max_response_bytes: z.number().int().positive().max(16_777_216).optional(),
  /** Statuses from 400 on that are a result, not a failure. */
  accept_status: z.array(z.number().int()).optional(),
  /** Statuses that are retryable in addition to network errors, 408, 429 and 5xx. */
  retry_on: z.array(z.union([z.number().int(), z.enum(['4xx', '5xx'])])).optional(),
});

export type HttpRequestConfig = z.infer<typeof schema>;

export const httpRequest: StepHandler<HttpRequestConfig> = {
  type: 'http_request',
  mayUseSecrets: true,
  schema: schema as z.ZodType<HttpRequestConfig>,
  async run(config: HttpRequestConfig, ctx: StepContext): Promise<StepResult> {
    const url = withQuery(config.url, config.query);
    const headers = toHeaders(config.headers);
    const body = encodeBody(config, headers);
    if (config.method !== 'GET' && config.method !== 'HEAD' && !headers.has('idempotency-key')) {
      headers.set('idempotency-key', ctx.idempotencyKey);
    }
    if (!headers.has('accept')) headers.set('accept', 'application/json, */*;q=0.5');
    const call = {
      method: config.method,
      url,
      headers,
      signal: ctx.signal,
      env: ctx.env,
      ...(body === undefined ? {} : { body }),
      ...(ctx.timeoutMs === undefined ? {} : { timeoutMs: ctx.timeoutMs }),
      ...(config.max_response_bytes === undefined
        ? {}
        : { maxResponseBytes: config.max_response_bytes }),
    };
    const answer = await callHttp(call);
    assertAccepted(answer, call, { accept: config.accept_status, retryOn: config.retry_on });
    return { kind: 'completed', output: answer };
  },
};

function withQuery(base: string, query: HttpRequestConfig['query']): URL {
  const url = new URL(base);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null) url.searchParams.append(name, String(one));
    }
  }
  return url;
}

/** Headers lower-cases the names; a header whose value is null (an optional template without a value) is left out. */
export function toHeaders(
  record: Readonly<Record<string, string | number | boolean | null>>,
): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(record)) {
    if (value === null) continue;
    if (/^(host|content-length|transfer-encoding|connection)$/i.test(name)) continue;
    try {
      headers.set(name, String(value));
    } catch (cause) {
      throw new StepError('invalid_config', `the header ${JSON.stringify(name)} is not valid`, {
        cause,
      });
    }
  }
  return headers;
}

function encodeBody(config: HttpRequestConfig, headers: Headers): string | undefined {
  const { body } = config;
  if (body === undefined || body === null) return undefined;
  if (config.method === 'GET' || config.method === 'HEAD') {
    throw new StepError('invalid_config', `a ${config.method} request cannot have a body`);
  }
  if (typeof body === 'string') {
    if (!headers.has('content-type')) headers.set('content-type', 'text/plain; charset=utf-8');
    return body;
  }
  if (headers.get('content-type')?.startsWith('application/x-www-form-urlencoded')) {
    const fields = Object.entries(body).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    return new URLSearchParams(fields).toString();
  }
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return JSON.stringify(body);
}
