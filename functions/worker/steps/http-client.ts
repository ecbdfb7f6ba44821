// The HTTP call of all steps: it checks the address, limits time, size and redirects, and decides which errors
// are retryable.

import { cutText } from '../../_shared/text/storable.ts';
import {
  contentTypeOf,
  hasBody,
  parseBody,
  readBeginning,
  readText,
  readWhole,
  retryAfterMs,
} from './answers.ts';
import type { HttpResponse } from './connect.ts';
import { checkedAddresses } from './egress.ts';
import type { StepEnv } from './env.ts';
import { abortError, StepError, throwIfAborted, toStepError } from './errors.ts';
import { type Hop, isRedirect, nextHop } from './redirects.ts';
import { assertMayReceive } from './secret-receivers.ts';
import type { StepContext } from './types.ts';

export interface HttpCall {
  method: string;
  url: URL;
  headers: Headers;
  body?: string | Uint8Array;
  signal: AbortSignal;
  /** The app of the step; connections are not shared with other apps. */
  appCode: string;
  env: StepEnv;
  /** Null: only the time limit of the attempt ends the call, with the code `timeout`. */
  timeoutMs?: number | null;
  maxResponseBytes?: number | undefined;
  maxRedirects?: number;
  /** The operator configured the URL (mail API, model endpoint), so the egress check does not apply. */
  trusted?: boolean;
  /** Statuses from 400 on that are a result. */
  accept?: readonly number[] | undefined;
  /** Statuses below 500 that are retryable. */
  retryOn?: readonly RetryCondition[] | undefined;
  /** Gets one line about the call. */
  log?: StepContext['log'];
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: unknown;
}

export type RetryCondition = number | '4xx' | '5xx';

/** Returns an answer whose status is accepted, with its body as JSON or text. */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  return await exchange(call, async (response) => {
    const { status } = response;
    const headers = response.headers.toJSON();
    const bytes = await bodyOf(response, call);
    const type = response.headers.get('content-type');
    return { status, headers, body: bytes === null ? null : parseBody(bytes, type, { status }) };
  });
}

/** As callHttp, with the bytes of the body as they are. */
export async function fetchBytes(call: HttpCall): Promise<Response> {
  return await exchange(call, async (response) => {
    const bytes = await bodyOf(response, call);
    const headers = { 'content-type': response.headers.get('content-type') ?? '' };
    return new Response(bytes as BodyInit | null, { status: response.status, headers });
  });
}

/** Gives the text of an event stream to `onText` while it arrives; returns another answer as fetchBytes does. */
export async function fetchEvents(
  call: HttpCall,
  onText: (text: string) => void,
): Promise<Response | undefined> {
  return await exchange(call, async (response) => {
    const type = response.headers.get('content-type') ?? '';
    if (contentTypeOf(type).mime !== 'text/event-stream') {
      const bytes = await bodyOf(response, { ...call, maxResponseBytes: undefined });
      const init = { status: response.status, headers: { 'content-type': type } };
      return new Response(bytes as BodyInit | null, init);
    }
    await readText(response, call.maxResponseBytes ?? call.env.limits.responseBytes, onText);
    return undefined;
  });
}

type Read<T> = (response: HttpResponse) => Promise<T>;

/** Calls, and writes a line with the status and the duration: no query string, no headers, no bodies. */
async function exchange<T>(call: HttpCall, read: Read<T>): Promise<T> {
  const { log, env, method } = call;
  if (log === undefined) return await follow(call, read);
  const started = env.now().getTime();
  const facts = (more: Record<string, unknown>) => ({
    method,
    url: `${call.url.origin}${call.url.pathname}`,
    ...more,
    duration_ms: env.now().getTime() - started,
  });
  try {
    let status: number | undefined;
    const answer = await follow(call, (response) => {
      status = response.status;
      return read(response);
    });
    const data = facts({ status });
    // Not written by default: the step's own row tells the same, and each line is a row and a message more.
    log('debug', `${describe(call)} answered ${status} in ${data.duration_ms} ms`, data);
    return answer;
  } catch (error) {
    const { code, message } = toStepError(error);
    if (code !== 'cancelled') {
      const data = facts({ code });
      log('warn', `${message} after ${data.duration_ms} ms`, data);
    }
    throw error;
  }
}

/**
 * Follows redirects itself, so that each hop is checked. Reads an answer whose status is accepted. The status decides
 * before the body is read: a defect of an error's body does not change the error.
 */
async function follow<T>(call: HttpCall, read: Read<T>): Promise<T> {
  const timeoutMs = call.timeoutMs === undefined ? call.env.limits.httpTimeoutMs : call.timeoutMs;
  // AbortSignal.timeout and .any would keep a timer for every call long after its response.
  const clock = new AbortController();
  const ending = new AbortController();
  const expire = () => {
    clock.abort();
    ending.abort(new DOMException('the call took too long', 'TimeoutError'));
  };
  const timer = timeoutMs === null ? undefined : setTimeout(expire, timeoutMs);
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
      const request = { method, headers, body, signal, appCode: call.appCode };
      const response = await env.connect(hop.url, request, addresses);
      const location = response.headers.get('location');
      if (!isRedirect(response.status) || location === null) {
        await refuseErrors(response, { ...call, method }, ending);
        return await read(response);
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

/** Throws if the status is an error that the call does not accept. */
async function refuseErrors(
  response: HttpResponse,
  call: HttpCall,
  ending: AbortController,
): Promise<void> {
  const { status } = response;
  if (status < 400 || call.accept?.includes(status) === true) return;
  const isEmpty = !hasBody(call.method, status);
  if (isEmpty) await response.discard();
  const bytes = isEmpty ? new Uint8Array() : await errorBody(response, ending);
  throwIfAborted(call.signal);
  const type = response.headers.get('content-type');
  throw statusError(response, parseBody(bytes, type, { status, isCut: true }), call);
}

/** Null where HTTP has no body. */
async function bodyOf(response: HttpResponse, call: HttpCall): Promise<Uint8Array | null> {
  if (!hasBody(call.method, response.status)) {
    await response.discard();
    return null;
  }
  return await readWhole(response, call.maxResponseBytes ?? call.env.limits.responseBytes);
}

const ERROR_BODY_BYTES = 16_384;
const ERROR_BODY_MS = 1_000;

/** The status has decided already, so its body gets little time. */
async function errorBody(response: HttpResponse, ending: AbortController): Promise<Uint8Array> {
  const timer = setTimeout(
    () => ending.abort(new DOMException('the body took too long', 'TimeoutError')),
    ERROR_BODY_MS,
  );
  try {
    return await readBeginning(response, ERROR_BODY_BYTES);
  } finally {
    clearTimeout(timer);
  }
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
  timeoutMs: number | null,
): StepError {
  if (call.signal.aborted) return abortError(call.signal);
  if (clock.aborted && !(error instanceof StepError)) {
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

/** An error for the engine's retry policy. */
function statusError({ status, headers }: HttpResponse, body: unknown, call: HttpCall): StepError {
  const wait = retryAfterMs(headers.get('retry-after'), call.env.now());
  const told =
    call.retryOn?.some((on) => on === status || on === `${Math.floor(status / 100)}xx`) ?? false;
  const code =
    status === 429
      ? 'http_rate_limited'
      : status >= 500
        ? 'http_server_error'
        : 'http_client_error';
  return new StepError(code, `${describe(call)} answered ${status}`, {
    retryable: told || status === 429 || status === 408 || status >= 500,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    details: { status, body: excerpt(body) },
  });
}

function excerpt(body: unknown): unknown {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text.length <= 2_000 ? body : `${cutText(text, 2_000)}…`;
}
