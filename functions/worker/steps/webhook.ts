// webhook: posts a payload to another system, signed by the Standard Webhooks specification (webhook-id,
// webhook-timestamp, webhook-signature), for which receivers have libraries.

import { webhookType } from '../../_shared/step-types/webhook.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { toHeaders } from './http-request.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

export const webhook: StepHandler<typeof webhookType> = {
  stepType: webhookType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const body = JSON.stringify(config.payload ?? {});
    const headers = toHeaders(config.headers);
    const id = ctx.idempotencyKey;
    const timestamp = String(Math.floor(ctx.env.now().getTime() / 1_000));
    headers.set('content-type', 'application/json');
    headers.set('idempotency-key', id);
    headers.set('webhook-id', id);
    headers.set('webhook-timestamp', timestamp);
    const traceparent = ctx.traceparent?.();
    if (traceparent !== undefined && !headers.has('traceparent')) {
      headers.set('traceparent', traceparent);
    }
    if (config.secret) {
      const signature = await sign(config.secret, `${id}.${timestamp}.${body}`);
      headers.set('webhook-signature', `v1,${signature}`);
    }
    const call = {
      method: 'POST',
      url: new URL(config.url),
      headers,
      body,
      signal: ctx.signal,
      appCode: ctx.run.app_code,
      env: ctx.env,
      log: ctx.log,
      retryOn: config.retry_on,
      // A signed message is sent to its own address only: no redirects.
      maxRedirects: 0,
      ...(ctx.timeoutMs === undefined ? {} : { timeoutMs: null }),
    };
    const answer = await callHttp(call);
    return { kind: 'completed', output: answer };
  },
};

/** HMAC-SHA256 in base64. */
export async function sign(secret: string, message: string): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    secretBytes(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(message));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

/** The return type is inferred: hosted TypeScript does not know Uint8Array<ArrayBuffer>. */
function secretBytes(secret: string) {
  if (!secret.startsWith('whsec_')) return new TextEncoder().encode(secret);
  try {
    const text = atob(secret.slice('whsec_'.length));
    return Uint8Array.from(text, (char) => char.charCodeAt(0));
  } catch {
    throw new StepError(
      'invalid_config',
      'the secret starts with whsec_ but the rest is not base64',
    );
  }
}
