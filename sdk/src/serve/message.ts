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

/** The message of a verified body; undefined if it is of another type. */
export function readMessage(body: string): StepCall | StepCancelled | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  return value.type === 'step.call' || value.type === 'step.cancelled'
    ? (value as StepCall | StepCancelled)
    : undefined;
}

/** Names the attempt in messages. */
export const attemptOf = (stepRunId: string, attempt: number): string => `${stepRunId}:${attempt}`;
