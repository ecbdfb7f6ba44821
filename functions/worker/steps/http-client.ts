// The HTTP call of all steps: it checks the address, limits time, size and redirects, and decides which errors
// are retryable.

import { cutText, storableText } from '../../_shared/text/storable.ts';
import type { HttpResponse } from './connect.ts';
import { checkedAddresses } from './egress.ts';
import type { StepEnv } from './env.ts';
import { abortError, StepError, throwIfAborted } from './errors.ts';
import { type Hop, isRedirect, nextHop } from './redirects.ts';
import { assertMayReceive } from './secret-receivers.ts';

export interface HttpCall {
  method: string;
  url: URL;
  headers: Headers;
  body?: string;
  signal: AbortSignal;
  env: StepEnv;
  timeoutMs?: number;
  maxResponseBytes?: number;
  maxRedirects?: number;
  /** The operator configured the URL (mail API, model endpoint), so the egress check does not apply. */
  trusted?: boolean;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

export type RetryCondition = number | '4xx' | '5xx';

/** Follows redirects itself, so that each hop is checked. Returns a response of any status; throws without a response. */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const timeoutMs = call.timeoutMs ?? call.env.limits.httpTimeoutMs;
  // AbortSignal.timeout and .any would keep a timer for every call long after its response.
  const clock = new AbortController();
  const ending = new AbortController();
  const timer = setTimeout(() => {
    clock.abort();
    ending.abort(new DOMException('the call took too long', 'TimeoutError'));
  }, timeoutMs);
  const onAbort = () => ending.abort(call.signal.reason);
  call.signal.addEventListener('abort', onAbort, { once: true });
  if (call.signal.aborted) onAbort();
  const { signal } = ending;
  const redirects = call.maxRedirects ?? call.env.limits.redirects;
  const { env } = call;
  let hop: Hop = call;
  try {
    for (let count = 0; count <= redirects; count += 1) {
      throwIfAborted(signal);
      assertMayReceive(hop.url, env.receivers);
      const addresses = call.trusted ? undefined : await checkedAddresses(hop.url, env.egress);
      const { method, headers, body } = hop;
      const response = await env.connect(hop.url, { method, headers, body, signal }, addresses);
      const location = response.headers.get('location');
      if (!isRedirect(response.status) || location === null) {
        return await readAnswer(response, call.maxResponseBytes ?? env.limits.responseBytes);
      }
      await response.discard();
      // With no redirect left, the loop ends and reports that.
      if (count < redirects) hop = nextHop(hop, response.status, location);
    }
  } catch (error) {
    throw callError(error, call, clock.signal, timeoutMs);
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', onAbort);
  }
  throw new StepError(
    'http_too_many_redirects',
    `${describe(call)} was redirected more than ${redirects} times`,
  );
}

async function readAnswer(response: HttpResponse, limit: number): Promise<HttpAnswer> {
  const bytes = await readLimited(response, limit);
  const headers: Record<string, string> = {};
  for (const [name, value] of response.headers) headers[name.toLowerCase()] = value;
  return { status: response.status, headers, body: parseBody(bytes, headers['content-type']) };
}

async function readLimited(response: HttpResponse, limit: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new StepError('http_response_too_large', `the response is larger than ${limit} bytes`);
  if (Number(response.headers.get('content-length') ?? 0) > limit) {
    await response.discard();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The exception ends the loop and so cancels the stream, which closes the connection.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const all = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json\b/i;
const textType =
  /^(?:text\/|application\/(?:xml|x-www-form-urlencoded|javascript)|[\w.+/-]+\+xml)/i;

function parseBody(bytes: Uint8Array, contentType = ''): unknown {
  if (bytes.byteLength === 0) return null;
  if (jsonType.test(contentType)) {
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new StepError(
        'http_invalid_json',
        'the content type of the response is JSON, but its body is not',
        {
          cause,
        },
      );
    }
  }
  if (contentType !== '' && !textType.test(contentType)) {
    try {
      return storableText(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      return { encoding: 'base64', data: toBase64(bytes) };
    }
  }
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  return storableText(decoder(charset).decode(bytes));
}

function decoder(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return btoa(parts.join(''));
}

/** In words: the runtime's own messages contain addresses, and the URL, whose query may contain a secret. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  ETIMEDOUT: 'connection timed out',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function callError(
  error: unknown,
  call: HttpCall,
  clock: AbortSignal,
  timeoutMs: number,
): StepError {
  if (call.signal.aborted) return abortError(call.signal);
  if (clock.aborted) {
    return new StepError(
      'http_timeout',
      `${describe(call)} did not respond within ${timeoutMs} ms`,
      {
        retryable: true,
      },
    );
  }
  if (error instanceof StepError) return error;
  const cause = CAUSES[codeOf(error)] ?? 'connection failed';
  return new StepError('network_error', `${describe(call)} failed: ${cause}`, { retryable: true });
}

/** Origin and path only, because a query string may contain a secret. */
function describe(call: HttpCall): string {
  return `${call.method} ${call.url.origin}${call.url.pathname}`;
}

/** Throws an error for the engine's retry policy when the status is no success. */
export function assertAccepted(
  answer: HttpAnswer,
  call: Pick<HttpCall, 'method' | 'url' | 'env'>,
  options: {
    accept?: readonly number[] | undefined;
    retryOn?: readonly RetryCondition[] | undefined;
  } = {},
): void {
  const { status } = answer;
  if (status < 400 || options.accept?.includes(status)) return;
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], call.env.now());
  const told =
    options.retryOn?.some((on) => on === status || on === `${Math.floor(status / 100)}xx`) ?? false;
  const code =
    status === 429
      ? 'http_rate_limited'
      : status >= 500
        ? 'http_server_error'
        : 'http_client_error';
  throw new StepError(
    code,
    `${call.method} ${call.url.origin}${call.url.pathname} answered ${status}`,
    {
      retryable: told || status === 429 || status === 408 || status >= 500,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      details: { status, body: excerpt(answer.body) },
    },
  );
}

function excerpt(body: unknown): unknown {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text.length <= 2_000 ? body : `${cutText(text, 2_000)}…`;
}

function parseRetryAfter(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now.getTime();
  // Limited, so that a server cannot delay a run for days.
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}
