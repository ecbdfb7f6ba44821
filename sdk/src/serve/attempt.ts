// One attempt of a step: runs the handler once, and answers each call of the attempt, at once or by a callback.
import { isTransient, StepbaseError, TimeoutError } from '../errors/errors.ts';
import type { Fetch } from '../http/exchange.ts';
import { LONGEST_MS, pause, until } from '../time.ts';
import { type Callback, createCallback, type Failure } from './callback.ts';
import { CancelledError, type Definition, type StepCallContext, StepFailure } from './handler.ts';
import { createLog } from './log.ts';
import type { StepCall } from './message.ts';
import { validate } from './schema.ts';

const HEARTBEAT_MS = 20_000;
const HEARTBEAT_DEADLINE_MS = 10_000;
/** Of the time of the call, for the answer to arrive. */
const MARGIN_MS = 250;
const MAX_MESSAGE = 4_000;
const CODE = /^[a-z][a-z0-9_]{0,63}$/;

export interface AttemptOptions {
  call: StepCall;
  traceparent: string | undefined;
  fetch: Fetch | undefined;
  onError(error: unknown, call: StepCall): void;
}

/** `output`: JSON. */
type Outcome = { output: string } | { failure: Failure } | { cancelled: true };

export interface Answer {
  /** The output as JSON if the handler is done in time; undefined: the result is sent by a callback. */
  output: Promise<string | undefined>;
  /** Resolves when the result has been sent; the process must live until then. */
  done: Promise<void>;
}

export interface Attempt {
  /** A further call has its own deadline and its own token, and gets the result of the handler that is running. */
  answer(call: StepCall): Answer;
  /** The work is not needed any more. */
  cancel(): void;
}

/** Starts the handler for the first call of an attempt. */
export function startAttempt(definition: Definition, options: AttemptOptions): Attempt {
  const { call, onError } = options;
  const { later } = definition;
  const deadlineOf = (of: StepCall) =>
    new Date(later === undefined ? of.deadline : of.callback.expires_at);
  const deadline = deadlineOf(call);
  const callbackOf = (of: StepCall) => createCallback(of, deadlineOf(of), options.fetch);
  const callback = callbackOf(call);
  const log = createLog(callback);
  const end = new AbortController();
  const cancel = () => end.abort(new CancelledError());

  const left = deadline.getTime() - Date.now() - MARGIN_MS;
  const timer = setTimeout(
    () => end.abort(new TimeoutError('The handler was not done before the deadline')),
    Math.min(Math.max(left, 0), LONGEST_MS),
  );

  async function heartbeat(): Promise<void> {
    const signal = AbortSignal.any([end.signal, AbortSignal.timeout(HEARTBEAT_DEADLINE_MS)]);
    const { isNeeded } = await callback.heartbeat(signal);
    if (!isNeeded) cancel();
    end.signal.throwIfAborted();
  }

  const ctx: StepCallContext = {
    component: call.component,
    run: call.run,
    step: {
      id: call.step.id,
      stepRunId: call.step.step_run_id,
      itemIndex: call.step.item_index,
    },
    attempt: call.attempt,
    idempotencyKey: call.idempotency_key,
    deadline,
    traceparent: options.traceparent,
    signal: end.signal,
    log,
    heartbeat,
  };

  async function perform(): Promise<Outcome> {
    try {
      const input = await validate(definition.input, call.input);
      if ('faults' in input) throw new StepFailure('invalid_input', input.faults);
      end.signal.throwIfAborted();
      const returned = await until(
        end.signal,
        (async () => await definition.run(input.value, ctx))(),
      );
      const output = await validate(definition.output, returned);
      if ('faults' in output) throw new StepFailure('invalid_output', output.faults);
      return { output: JSON.stringify(output.value) ?? 'null' };
    } catch (error) {
      if (end.signal.reason instanceof CancelledError) return { cancelled: true };
      if (!(error instanceof StepFailure)) onError(error, call);
      return { failure: failureOf(error) };
    } finally {
      clearTimeout(timer);
      await log.flush();
    }
  }

  async function send(outcome: Outcome, to: Callback): Promise<void> {
    if ('cancelled' in outcome) return;
    if ('failure' in outcome) return await to.fail(outcome.failure);
    try {
      await to.complete(JSON.parse(outcome.output));
    } catch (error) {
      // Stepbase refuses the output: it is too large, or does not match the schema of the component.
      const refusal = error instanceof StepbaseError ? error : undefined;
      if (refusal === undefined || isTransient(error)) throw error;
      const code = refusal.code === 'invalid_input' ? 'invalid_output' : refusal.code;
      await to.fail(failureOf(new StepFailure(code, refusal.message)));
    }
  }

  /** Heartbeats while the handler works after 202. An attempt that has ended aborts the handler. */
  async function beat(): Promise<void> {
    const { heartbeatMs = HEARTBEAT_MS } = definition;
    while (heartbeatMs !== false && !worked.signal.aborted) {
      await pause(heartbeatMs, worked.signal).catch(() => undefined);
      // A heartbeat that is lost is followed by the next one.
      if (!worked.signal.aborted) await heartbeat().catch(() => undefined);
    }
  }

  const work = perform();
  const worked = new AbortController();
  void work.finally(() => worked.abort());
  let isBeating = false;

  function answer(of: StepCall): Answer {
    const to = of === call ? callback : callbackOf(of);
    const accepted = Symbol();
    const first = Promise.race([
      work,
      ...(later === undefined ? [] : [afterMs(acceptMs(later, of), worked.signal, accepted)]),
    ]);
    const output = first.then(async (outcome) => {
      if (typeof outcome === 'symbol') return undefined;
      if ('output' in outcome) return outcome.output;
      // A status of HTTP has no code: a failure is a callback, which may come before the answer 202.
      await send(outcome, to);
      return undefined;
    });
    const done = first
      .then(async (outcome) => {
        if (typeof outcome !== 'symbol') return;
        if (!isBeating) void beat();
        isBeating = true;
        await send(await work, to);
      })
      .catch((error: unknown) => onError(error, of));
    return { output, done };
  }

  return { answer, cancel };
}

/** When 202 is answered: Stepbase does not wait for it longer than until the deadline of the call. */
function acceptMs(later: true | number, call: StepCall): number {
  const left = Date.parse(call.deadline) - Date.now() - MARGIN_MS;
  return later === true ? 0 : Math.max(0, Math.min(later, left));
}

async function afterMs<T>(ms: number, signal: AbortSignal, value: T): Promise<T> {
  await pause(ms, signal).catch(() => undefined);
  return value;
}

function failureOf(error: unknown): Failure {
  const message = textOf(error).slice(0, MAX_MESSAGE);
  if (error instanceof StepFailure && CODE.test(error.code)) {
    return { code: error.code, message, retryable: error.retryable };
  }
  if (error instanceof TimeoutError) return { code: 'timeout', message, retryable: true };
  return { code: 'handler_error', message, retryable: true };
}

/** JavaScript can throw each value, also one that has no text. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'The handler threw a value without a text';
  }
}
