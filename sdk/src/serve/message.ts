// The messages that a component receives, as docs/guides/your-own-code.md describes them.

/** The call of a component, as it is sent. */
export interface StepCall {
  /** Distinguishes the call from other messages. */
  type: 'step.call';
  /** The name of the component. */
  component: string;
  /** The run, and the workflow and version that it is of. */
  run: { id: string; application: string; workflow: string; version: number };
  /** The step of the workflow, its row in `step_runs`, and the item of a for_each, from 0. */
  step: { id: string; step_run_id: string; item_index?: number };
  /** Counts from 1. */
  attempt: number;
  /** The same for all attempts of the step. */
  idempotency_key: string;
  /** When Stepbase stops waiting for the answer, in ISO 8601. */
  deadline: string;
  /** The input of the step. */
  input: unknown;
  /** Where a later result, heartbeats and log lines are sent, with which token, and until when. */
  callback: { url: string; token: string; expires_at: string };
}

export interface StepCancelled {
  type: 'step.cancelled';
  data: { step_run_id: string; attempt: number };
}

type Facts = Readonly<Record<string, unknown>>;

/** The value of a body; undefined if it is not JSON. */
export function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The component that a call names, also one that is not complete. */
export function componentOf(value: unknown): string | undefined {
  const { type, component } = Object(value) as Facts;
  return type === 'step.call' && typeof component === 'string' ? component : undefined;
}

/** The message; undefined if it is of another type, or lacks what `serve` reads of it. */
export const messageOf = (value: unknown): StepCall | StepCancelled | undefined =>
  isCall(value) || isCancellation(value) ? value : undefined;

const has = (value: unknown, facts: Readonly<Record<string, string>>): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(facts).every(([key, type]) => typeof (value as Facts)[key] === type);

const ATTEMPT = { step_run_id: 'string', attempt: 'number' };

function isCancellation(value: unknown): value is StepCancelled {
  const { type, data } = Object(value) as Facts;
  return type === 'step.cancelled' && has(data, ATTEMPT);
}

function isCall(value: unknown): value is StepCall {
  const { step, attempt, run, callback, deadline } = Object(value) as Facts;
  return (
    componentOf(value) !== undefined &&
    has({ ...Object(step), attempt }, ATTEMPT) &&
    has({ deadline }, { deadline: 'string' }) &&
    has(run, { id: 'string' }) &&
    has(callback, { url: 'string', token: 'string', expires_at: 'string' })
  );
}

/** Names the attempt in messages. */
export const attemptOf = (stepRunId: string, attempt: number): string => `${stepRunId}:${attempt}`;
