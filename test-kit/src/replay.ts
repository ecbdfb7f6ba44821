// Replays a recorded run on the current code: steps outside of Stepbase and other workflows answer as they did, people
// and signals too, and the kit skips the time between. What came out differently is listed.

import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { hasEnded, type StepRun } from '../../sdk/src/rows.ts';
import { failure } from './answers.ts';
import type { MockCall, Recording, ReplayOptions, TestRun } from './api.ts';

type RecordedStep = Recording['steps'][number];

/**
 * Types whose outputs come from the recording, which contains neither the data that they read nor the runs that they start.
 */
const FOREIGN: ReadonlySet<string> = new Set([
  ...stepTypes.filter(({ isActivity }) => isActivity).map(({ name }) => name),
  'child_workflow',
  'work_queue_push',
  'work_queue_pop',
  'send_signal',
  'query_run',
]);
/**
 * Pure types: the same config and the same upstream outputs give the same output, so another output shows a change of the
 * code.
 */
const COMPUTED: ReadonlySet<string> = new Set(
  stepTypes.filter(({ isPure }) => isPure).map(({ name }) => name),
);

const UNRECORDED = Symbol('unrecorded');

/** The answer of the recording to an attempt; UNRECORDED if the step did not run. */
export function recordedAnswer({ steps }: Recording, call: MockCall): unknown {
  const index = call.isCompensation ? -1 : call.item === undefined ? 0 : call.itemIndex + 1;
  const attempts = steps.filter(
    (step) =>
      step.step_id === call.step &&
      step.item_index === index &&
      (step.status === 'completed' || step.status === 'failed'),
  );
  const step = attempts.find(({ attempt }) => attempt === call.attempt) ?? attempts.at(-1);
  if (step === undefined) return UNRECORDED;
  if (step.status === 'completed') return step.output;
  const { code, message, retryable, retry_after_ms, details } = step.error as {
    code: string;
    message: string;
    retryable?: boolean;
    retry_after_ms?: number;
    details?: unknown;
  };
  return failure(code, message, { retryable, retryAfterMs: retry_after_ms, details });
}

export const isForeign = (call: MockCall): boolean => FOREIGN.has(call.type);
export const isUnrecorded = (answer: unknown): boolean => answer === UNRECORDED;

const lastOf = (steps: readonly RecordedStep[], id: string): RecordedStep | undefined =>
  steps.findLast((step) => step.step_id === id && step.item_index === 0);

const isAnswered = ({ step_type: type, status, handle }: RecordedStep): boolean =>
  status === 'completed' &&
  handle !== 'timeout' &&
  (type === 'user_task' || type === 'wait_for_approval' || type === 'wait_for_signal');

/** Drives the run to its end as the recorded one. */
export async function follow(
  run: TestRun,
  { steps }: Recording,
  host: {
    skipToNext(): Promise<boolean>;
    personOf(index: number, roles: readonly string[] | null): string;
  },
): Promise<void> {
  await run.settled();
  while (!hasEnded(run.status)) {
    const next = run.steps
      .filter(({ status, item_index: item }) => status === 'waiting' && item === 0)
      .flatMap((step) => {
        const recorded = lastOf(steps, step.step_id);
        return recorded?.completed_at ? [{ step, recorded }] : [];
      })
      .sort((a, b) =>
        String(a.recorded.completed_at).localeCompare(String(b.recorded.completed_at)),
      )[0];
    if (next && next.step.wait_kind !== 'retry' && isAnswered(next.recorded)) {
      await answer(run, next.step, next.recorded, host.personOf);
    } else {
      const moved = await host.skipToNext();
      await run.settled();
      if (!moved) return;
    }
  }
}

async function answer(
  run: TestRun,
  step: StepRun & { signal_name?: string | null },
  { step_type: type, output }: RecordedStep,
  personOf: (index: number, roles: readonly string[] | null) => string,
): Promise<void> {
  const id = step.step_id;
  if (type === 'wait_for_signal') return await run.signal(String(step.signal_name), output);
  const task = run.task(id);
  if (type === 'user_task') return await task.complete(output as object);
  const { approved, comment, decisions } = output as {
    approved: boolean;
    comment?: string | null;
    decisions?: { approved: boolean; comment?: string | null }[];
  };
  const all = decisions ?? [{ approved, comment }];
  for (const [index, decision] of all.entries()) {
    const options = { as: personOf(index, task.roles), comment: decision.comment ?? undefined };
    await (decision.approved ? task.approve(options) : task.reject(options));
  }
}

/** What differs between the recorded run and this one, a sentence each. */
export function differences(
  run: TestRun,
  recording: Recording,
  { ignore = [] }: ReplayOptions,
): string[] {
  const found: string[] = [];
  const compare = (what: string, before: unknown, now: unknown) => {
    if (canonical(before) === canonical(now)) return;
    found.push(`${what} is ${short(now)} instead of ${short(before)}`);
  };
  compare('the status of the run', recording.run.status, run.status);
  compare('the error code of the run', codeOf(recording.run.error), codeOf(run.row.error));
  const ids = new Set([...recording.steps, ...run.steps].map(({ step_id: id }) => id));
  for (const id of ids) {
    if (ignore.includes(id)) continue;
    const before = lastOf(recording.steps, id);
    const now = run.step(id);
    const status = before?.status ?? 'not reached';
    compare(`the status of ${id}`, status, now?.status ?? 'not reached');
    if (before?.status !== 'completed' || now?.status !== 'completed') continue;
    compare(`the branch of ${id}`, before.handle, now.handle);
    if (COMPUTED.has(now.step_type)) compare(`the output of ${id}`, before.output, now.output);
  }
  return found;
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code ?? 'none';

/** JSON with its keys in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function short(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
