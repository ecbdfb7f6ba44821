// The messages that a component receives, as docs/guides/your-own-code.md describes them.

export interface StepCall {
  type: 'step.call';
  component: string;
  run: { id: string; application: string; workflow: string; version: number };
  step: { id: string; step_run_id: string; item_index?: number };
  attempt: number;
  idempotency_key: string;
  deadline: string;
  input: unknown;
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
