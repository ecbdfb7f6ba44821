// `serve`: answers the signed calls of components with handlers, as a function from a Request to a Response.
import type { ErrorCode } from '../errors/codes.ts';
import type { Fetch } from '../http/exchange.ts';
import { type Answer, type Attempt, startAttempt } from './attempt.ts';
import { readText } from './body.ts';
import type { Definition, Handler } from './handler.ts';
import { attemptOf, componentOf, messageOf, parsed, type StepCall } from './message.ts';
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
 * A function that answers the calls of components. It refuses what is not signed (401), is no complete message
 * (400), has no handler (404), or has more than 16 MB (413). Calls of one attempt that this process gets at the same time
 * run the handler once; each of them is answered with its result. Throws a TypeError without a secret.
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
  /**
   * The attempts in progress. A call is repeated if the worker that made it was lost; then the handler, which may still
   * run in this process, answers both calls.
   */
  const attempts = new Map<string, { attempt: Attempt; open: number }>();

  function secretsOf(component: string | undefined): readonly string[] {
    if (typeof secret === 'string') return [secret];
    if (isList(secret)) return secret;
    if (component === undefined) return Object.values(secret);
    const own = Object.hasOwn(secret, component) ? secret[component] : undefined;
    return own === undefined ? [] : [own];
  }

  function answer(definition: Definition, call: StepCall, headers: Headers): Answer {
    const key = attemptOf(call.step.step_run_id, call.attempt);
    const traceparent = headers.get('traceparent') ?? undefined;
    const running = attempts.get(key) ?? {
      attempt: startAttempt(definition, { call, traceparent, fetch, onError }),
      open: 0,
    };
    attempts.set(key, running);
    running.open += 1;
    const given = running.attempt.answer(call);
    const ended = () => {
      running.open -= 1;
      if (running.open === 0) attempts.delete(key);
    };
    // A failure is sent before the answer, so both have to end.
    waitUntil(Promise.allSettled([given.output, given.done]).then(ended));
    return given;
  }

  return async (request) => {
    if (request.method !== 'POST') {
      return refuse(405, 'Calls of components are POST', { allow: 'POST' });
    }
    const body = await readText(request);
    if (body === undefined) return refuse(413, 'The message is too long');
    const value = parsed(body);
    // Read before it is verified, only to find the secret of its component.
    const component = componentOf(value);
    try {
      const secrets = secretsOf(component);
      await verifySignature(request.headers, body, { secrets, toleranceSeconds });
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      return refuse(401, error.message);
    }
    const found =
      component !== undefined && Object.hasOwn(handlers, component)
        ? handlers[component]
        : undefined;
    if (component !== undefined && found === undefined) {
      return refuse(404, `There is no handler for ${component}`);
    }
    const message = messageOf(value);
    if (message?.type === 'step.cancelled') {
      const key = attemptOf(message.data.step_run_id, message.data.attempt);
      attempts.get(key)?.attempt.cancel();
      return new Response(null, { status: 204 });
    }
    if (message === undefined || found === undefined) {
      return refuse(400, 'The message is neither a call nor a cancellation');
    }
    // The type of the input is that of the handler, which its schema or its author answers for.
    const definition = (typeof found === 'function' ? { run: found } : found) as Definition;
    try {
      const output = await answer(definition, message, request.headers).output;
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

/** The codes are those of the HTTP API. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'not_authenticated',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  500: 'internal_error',
};

const refuse = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  Response.json(
    { title: 'Refused', status, code: CODES[status], detail },
    { status, headers: { ...headers, 'content-type': 'application/problem+json' } },
  );

/** An Edge Function ends after the response, unless `EdgeRuntime.waitUntil` has a promise that is not settled. */
function edgeRuntimeWaitUntil(work: Promise<unknown>): void {
  const { EdgeRuntime } = globalThis as {
    EdgeRuntime?: { waitUntil?(work: Promise<unknown>): void };
  };
  EdgeRuntime?.waitUntil?.(work);
}
