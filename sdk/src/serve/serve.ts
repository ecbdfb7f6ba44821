// `serve`: answers the signed calls of components with handlers, as a function from a Request to a Response.
import type { Fetch } from '../http/exchange.ts';
import { type Attempt, startAttempt } from './attempt.ts';
import { readText } from './body.ts';
import type { Definition, Handler } from './handler.ts';
import { attemptOf, readMessage, type StepCall } from './message.ts';
import { SignatureError, verifySignature } from './signature.ts';

/** The options of `serve`. */
export interface ServeOptions {
  /**
   * The secrets of the components (`whsec_…`): one, several, or one for each component by its name. Calls that none of
   * them signed are refused.
   */
  secret: string | readonly string[] | Readonly<Record<string, string>>;
  /** How old, or how far ahead, a call may be; default: 300 s. */
  toleranceSeconds?: number | undefined;
  /** Errors of handlers, but a `StepFailure`, and results that could not be sent; default: `console.error`. */
  onError?: ((error: unknown, call: StepCall) => void) | undefined;
  /** Keeps the process until the promise is settled; default: `EdgeRuntime.waitUntil`, if there is one. */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** For callbacks; default: the global `fetch`. */
  fetch?: Fetch | undefined;
}

/** A definition of `handler` with its own type of input. */
export interface ServedDefinition extends Omit<Definition, 'run'> {
  /** The code of the component. */
  run: Handler<never>;
}

/**
 * Handlers, or definitions with schemas, by the name of their component. Annotate the input of a handler, or give it a
 * schema.
 */
export type Handlers = Readonly<Record<string, Handler<never> | ServedDefinition>>;

/**
 * A function that answers the calls of components. It refuses what is not signed (401), has no handler (404), or has more
 * than 16 MB (413). Throws a TypeError without a secret.
 */
export function serve(
  handlers: Handlers,
  options: ServeOptions,
): (request: Request) => Promise<Response> {
  const { secret, toleranceSeconds, fetch } = options;
  // An environment without the variable must not become a function without a check.
  const listed: unknown[] = typeof secret === 'object' ? Object.values(secret) : [secret];
  const isMissing = listed.some((one) => typeof one !== 'string' || one === '');
  if (isMissing || (isList(secret) && secret.length === 0)) {
    throw new TypeError('serve needs the secret of the component');
  }
  const { onError: told = (error: unknown) => console.error(error) } = options;
  /** An error of `onError` itself must not end the process. */
  const onError = (error: unknown, call: StepCall) => {
    void (async () => await told(error, call))().catch((another) => console.error(another));
  };
  const waitUntil = options.waitUntil ?? edgeRuntimeWaitUntil;
  /** The calls in progress, by attempt: a call is repeated if the worker that made it was lost. */
  const attempts = new Map<string, Set<Attempt>>();

  function secretsOf(component: string | undefined): readonly string[] {
    if (typeof secret === 'string') return [secret];
    if (isList(secret)) return secret;
    if (component === undefined) return Object.values(secret);
    const own = Object.hasOwn(secret, component) ? secret[component] : undefined;
    return own === undefined ? [] : [own];
  }

  function start(definition: Definition, call: StepCall, headers: Headers): Attempt {
    const key = attemptOf(call.step.step_run_id, call.attempt);
    const traceparent = headers.get('traceparent') ?? undefined;
    const attempt = startAttempt(definition, { call, traceparent, fetch, onError });
    const same = attempts.get(key) ?? new Set();
    attempts.set(key, same.add(attempt));
    const work = attempt.done.finally(() => {
      same.delete(attempt);
      if (same.size === 0) attempts.delete(key);
    });
    waitUntil(work);
    return attempt;
  }

  return async (request) => {
    if (request.method !== 'POST') {
      return refuse(405, 'Calls of components are POST', { allow: 'POST' });
    }
    const body = await readText(request);
    if (body === undefined) return refuse(413, 'The message is too long');
    // Read before it is verified, only to find the secret of its component.
    const message = readMessage(body);
    const component = message?.type === 'step.call' ? message.component : undefined;
    try {
      const secrets = secretsOf(component);
      await verifySignature(request.headers, body, { secrets, toleranceSeconds });
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      return refuse(401, error.message);
    }
    if (message === undefined)
      return refuse(400, 'The message is neither a call nor a cancellation');
    if (message.type === 'step.cancelled') {
      const key = attemptOf(message.data.step_run_id, message.data.attempt);
      for (const attempt of attempts.get(key) ?? []) attempt.cancel();
      return new Response(null, { status: 204 });
    }
    const found = Object.hasOwn(handlers, message.component)
      ? handlers[message.component]
      : undefined;
    if (found === undefined) return refuse(404, `There is no handler for ${message.component}`);
    // The type of the input is that of the handler, which its schema or its author answers for.
    const definition = (typeof found === 'function' ? { run: found } : found) as Definition;
    try {
      const output = await start(definition, message, request.headers).answer;
      if (output === undefined) return new Response(null, { status: 202 });
      return new Response(output, { headers: { 'content-type': 'application/json' } });
    } catch (error) {
      onError(error, message);
      return refuse(500, 'The failure of the step could not be sent');
    }
  };
}

const isList = (secret: ServeOptions['secret']): secret is readonly string[] =>
  Array.isArray(secret);

const refuse = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  Response.json(
    { title: 'Refused', status, detail },
    { status, headers: { ...headers, 'content-type': 'application/problem+json' } },
  );

/** An Edge Function ends after the response, unless `EdgeRuntime.waitUntil` has a promise that is not settled. */
function edgeRuntimeWaitUntil(work: Promise<unknown>): void {
  const { EdgeRuntime } = globalThis as {
    EdgeRuntime?: { waitUntil?(work: Promise<unknown>): void };
  };
  EdgeRuntime?.waitUntil?.(work);
}
