// The answers of a test to the steps of its workflows.

import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import type { StandIn, StandInCall } from '../../functions/worker/executor.ts';
import { StepError, type StepResult } from '../../functions/worker/steps/index.ts';
import type { Mock, MockCall, MockTarget, Recording } from './api.ts';
import { isForeign, isUnrecorded, recordedAnswer } from './replay.ts';

/** They work outside of Stepbase, so the kit never runs them. */
const ACTIVITIES: ReadonlySet<string> = new Set(
  stepTypes.filter(({ isActivity }) => isActivity).map(({ name }) => name),
);

interface Entry {
  target: MockTarget;
  mock: Mock;
}

export class Mocks {
  #entries: Entry[] = [];
  #recordings = new Map<string, Recording>();
  #calls: MockCall[] = [];
  /** Faults of the test itself, until a call reports them. */
  #faults: unknown[] = [];

  add(target: string | MockTarget, mock: Mock): void {
    this.#entries.unshift({ target: typeof target === 'string' ? { step: target } : target, mock });
  }

  /** Answers the steps of a workflow that no mock answers. */
  follow(workflow: string, recording: Recording): void {
    this.#recordings.set(workflow, recording);
  }

  calls(step: string): MockCall[] {
    return this.#calls.filter((call) => call.step === step);
  }

  clear(): void {
    this.#entries = [];
    this.#recordings.clear();
    this.#calls = [];
    this.#faults = [];
  }

  /** Throws what the test has to know: a step without a mock, or the error of a mock. */
  report(): void {
    const faults = this.#faults;
    this.#faults = [];
    if (faults.length > 0) throw faults[0];
  }

  readonly standIn: StandIn = async (given, run) => {
    const call = toCall(given);
    const entry = this.#entries.find(({ target }) => matches(target, call));
    if (entry !== undefined) return await this.#answer(entry.mock, call);
    const recording = this.#recordings.get(call.workflow);
    if (recording !== undefined && isForeign(call)) {
      const answer = recordedAnswer(recording, call);
      if (!isUnrecorded(answer)) return await this.#answer(() => answer, call);
    }
    if (!ACTIVITIES.has(given.type)) return await run();
    const message =
      `the step ${call.step} of ${call.workflow} is a ${call.type} and has no mock: ` +
      `add kit.mock('${call.step}', () => output)`;
    this.#faults.push(new Error(message));
    throw new StepError('not_mocked', message);
  };

  async #answer(mock: Mock, call: MockCall): Promise<StepResult> {
    this.#calls.push(call);
    let output: unknown;
    try {
      output = await mock(call);
    } catch (error) {
      if (error instanceof StepError) throw error;
      this.#faults.push(error);
      throw new StepError('mock_failed', `the mock of ${call.step} failed: ${String(error)}`, {
        cause: error,
      });
    }
    if (output instanceof StepError) throw output;
    return { kind: 'completed', output: output ?? null };
  }
}

function toCall({ work, type, config, ctx }: StandInCall): MockCall {
  return {
    runId: work.run_id,
    workflow: ctx.run.workflow,
    step: work.step_id,
    type,
    attempt: work.attempt,
    itemIndex: ctx.itemIndex,
    item: ctx.item,
    isCompensation: work.item_index === -1,
    config: config as Record<string, unknown>,
    idempotencyKey: ctx.idempotencyKey,
  };
}

function matches({ step, workflow, type }: MockTarget, call: MockCall): boolean {
  return (
    (step === undefined || step === call.step) &&
    (workflow === undefined || workflow === call.workflow) &&
    // The mock of a loop answers its items, not the list that it makes of them.
    (type === undefined ? call.type !== 'for_each' : type === call.type)
  );
}
