// http_request: calls an HTTP API once; the output is {status, headers, body}.

import type { z } from 'zod';
import { httpRequestType } from '../../_shared/step-types/http-request.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { encodeBody } from './request-body.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

type HttpRequestConfig = z.output<typeof httpRequestType.config>;

export const httpRequest: StepHandler<typeof httpRequestType> = {
  stepType: httpRequestType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const url = withQuery(config.url, config.query);
    const headers = toHeaders(config.headers);
    const body = encodeBody(config.body, config.method, headers);
    if (config.method !== 'GET' && config.method !== 'HEAD' && !headers.has('idempotency-key')) {
      headers.set('idempotency-key', ctx.idempotencyKey);
    }
    const traceparent = ctx.traceparent?.();
    if (traceparent !== undefined && !headers.has('traceparent')) {
      headers.set('traceparent', traceparent);
    }
    if (!headers.has('accept')) headers.set('accept', 'application/json, */*;q=0.5');
    const call = {
      method: config.method,
      url,
      headers,
      signal: ctx.signal,
      appCode: ctx.run.app_code,
      env: ctx.env,
      log: ctx.log,
      accept: config.accept_status,
      retryOn: config.retry_on,
      ...(body === undefined ? {} : { body }),
      ...(ctx.timeoutMs === undefined ? {} : { timeoutMs: null }),
      ...(config.max_response_bytes === undefined
        ? {}
        : { maxResponseBytes: config.max_response_bytes }),
    };
    const answer = await callHttp(call);
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
