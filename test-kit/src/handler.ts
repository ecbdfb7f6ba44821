// The code of a component as the mock of its step: the handler runs in the test, with its schemas, and without HTTP.

import type { Definition, Handler, StepCallContext } from '../../sdk/src/serve/index.ts';
import { validate } from '../../sdk/src/serve/schema.ts';
import { failure } from './answers.ts';
import type { HandlerLine, Mock, MockCall } from './api.ts';

const DEADLINE_MS = 60_000;

type Call = MockCall<{ component: string; input?: unknown }>;

/**
 * A mock that calls a handler of `stepbase/serve`. A `StepFailure` fails the step with its code, each other error with
 * `handler_error`, as in production. `onLog` gets the lines of `ctx.log`.
 */
export function handlerMock<Input, Output>(
  served: Handler<Input, Output> | Definition<Input, Output>,
  { onLog }: { onLog?: ((line: HandlerLine) => void) | undefined } = {},
): Mock<{ component: string; input?: unknown }> {
  const definition: Definition<Input, Output> =
    typeof served === 'function' ? { run: served } : served;
  return async (call) => {
    const input = await validate(definition.input, call.config.input);
    if ('faults' in input) return failure('invalid_input', input.faults);
    try {
      const returned = await definition.run(input.value, contextOf(call, onLog));
      const output = await validate(definition.output, returned);
      return 'faults' in output ? failure('invalid_output', output.faults) : output.value;
    } catch (error) {
      return failureOf(error);
    }
  };
}

function contextOf(call: Call, onLog: ((line: HandlerLine) => void) | undefined): StepCallContext {
  const write = (level: HandlerLine['level']) => (message: string, data?: object) =>
    onLog?.({ level, message, data });
  return {
    component: call.config.component,
    run: { id: call.runId, application: 'test', workflow: call.workflow, version: 1 },
    step: {
      id: call.step,
      stepRunId: `${call.idempotencyKey}:${call.attempt}`,
      itemIndex: call.itemIndex,
    },
    attempt: call.attempt,
    idempotencyKey: call.idempotencyKey,
    deadline: new Date(Date.now() + DEADLINE_MS),
    traceparent: undefined,
    signal: AbortSignal.timeout(DEADLINE_MS),
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    heartbeat: async () => undefined,
  };
}

/** By its name: the test has the class of its own copy of the SDK. */
function failureOf(error: unknown) {
  if (!(error instanceof Error)) return failure('handler_error', String(error), RETRYABLE);
  if (error.name !== 'StepFailure') return failure('handler_error', error.message, RETRYABLE);
  const { code, retryable } = error as Error & { code: string; retryable: boolean };
  return failure(code, error.message, { retryable });
}

const RETRYABLE = { retryable: true };
