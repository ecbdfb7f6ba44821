// Sends one delivery: a signed POST (Standard Webhooks) to an address that the egress check has seen. Redirects are not
// followed, because a signed message is for its own URL only.
import type { Clock } from '../../_shared/clock/clock.ts';
import { readBeginning } from '../steps/answers.ts';
import type { HttpResponse } from '../steps/connect.ts';
import { checkedAddresses } from '../steps/egress.ts';
import type { StepEnv } from '../steps/env.ts';
import { StepError } from '../steps/errors.ts';
import { sign } from '../steps/webhook.ts';
import { runTraceparent, type Tracer } from '../tracing/tracer.ts';
import type { AttemptResult, Delivery } from './queries.ts';

export const TIMEOUT_MS = 10_000;
/** Of the response; the log keeps them for people. */
const BODY_BYTES = 1_000;

/** Never rejects: each fault is a failure of the attempt. `stopped` ends the attempt early. */
export type Send = (delivery: Delivery, stopped: AbortSignal) => Promise<AttemptResult>;

/** A failure in words that the log may show. */
class AttemptError extends Error {}

export interface SendOptions {
  env: Pick<StepEnv, 'connect' | 'egress'>;
  clock: Clock;
  /** Undefined: no traces. */
  tracer?: Pick<Tracer, 'isSampled'> | undefined;
}

export function createSend({ env, clock, tracer }: SendOptions): Send {
  return async function send(delivery, stopped) {
    const started = clock.now();
    const ending = new AbortController();
    const end = (why: string) => ending.abort(new AttemptError(why));
    const cancel = clock.after(TIMEOUT_MS, () => end(`no response within ${TIMEOUT_MS} ms`));
    const onStop = () => end('the worker stopped');
    stopped.addEventListener('abort', onStop, { once: true });
    if (stopped.aborted) onStop();
    const durationMs = () => clock.now() - started;
    try {
      // The resolution of a name cannot be aborted.
      const response = await Promise.race([
        post(delivery, { env, clock, tracer }, ending.signal),
        aborted(ending.signal),
      ]);
      // An abort ends the body, too.
      const body = new TextDecoder().decode(await readBeginning(response, BODY_BYTES));
      return {
        ...verdict(response.status),
        status: response.status,
        body,
        durationMs: durationMs(),
      };
    } catch (error) {
      return { failure: describe(error), durationMs: durationMs() };
    } finally {
      cancel();
      stopped.removeEventListener('abort', onStop);
    }
  };
}

async function post(
  delivery: Delivery,
  { env, clock, tracer }: SendOptions,
  signal: AbortSignal,
): Promise<HttpResponse> {
  if (!URL.canParse(delivery.url)) throw new AttemptError('the URL is not valid');
  const url = new URL(delivery.url);
  const addresses = await checkedAddresses(url, env.egress);
  signal.throwIfAborted();
  const headers = await headersOf(delivery, Math.floor(clock.epoch() / 1000));
  const traceparent = traceparentOf(delivery, tracer);
  if (traceparent !== undefined) headers.set('traceparent', traceparent);
  const { app_code: appCode, payload: body } = delivery;
  return await env.connect(url, { method: 'POST', headers, body, signal, appCode }, addresses);
}

function traceparentOf(
  { run_id, trace_id, traceparent }: Delivery,
  tracer: SendOptions['tracer'],
): string | undefined {
  if (!run_id || !trace_id) return undefined;
  return runTraceparent(run_id, { trace_id, traceparent: traceparent ?? null }, tracer);
}

async function headersOf({ id, payload, secrets }: Delivery, at: number): Promise<Headers> {
  const signatures = await Promise.all(
    secrets.map(async (secret) => `v1,${await sign(secret, `${id}.${at}.${payload}`)}`),
  );
  return new Headers({
    'content-type': 'application/json',
    'user-agent': 'Stepbase-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': signatures.join(' '),
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function verdict(status: number): { failure?: string } {
  if (status >= 200 && status < 300) return {};
  if (status >= 300 && status < 400) {
    return { failure: `the receiver answered ${status}; redirects are not followed` };
  }
  return { failure: `the receiver answered ${status}` };
}

/** Other errors are those of the connection; their texts contain addresses. */
function describe(error: unknown): string {
  if (error instanceof StepError || error instanceof AttemptError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code === '' ? 'the connection failed' : `the connection failed (${code})`;
}
