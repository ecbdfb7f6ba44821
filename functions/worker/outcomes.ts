// Outcomes of attempts in the form that the engine stores.

import type { Row } from '../_shared/db/pool.ts';
import type { Completed, Waiting } from './steps/types.ts';

/** The details of the step.completed event: printed lines, events that the engine emits, and a value without an edge. */
export function detailsOf({
  logs,
  emit,
  takesNoEdge,
}: Completed): Record<string, unknown> | undefined {
  if (!logs?.length && !emit?.length && !takesNoEdge) return undefined;
  return {
    ...(logs?.length ? { logs } : {}),
    ...(emit?.length ? { emit } : {}),
    ...(takesNoEdge ? { no_edge: true } : {}),
  };
}

/** The condition of a waiting step as engine.wait takes it. */
export function waitOf(result: Waiting): Row {
  const { kind: _kind, reason, wakeAt, timeoutMs, signalName, workQueueId, task, ...rest } = result;
  const { heartbeatTimeoutMs, ...more } = rest;
  return {
    kind: reason,
    wake_at: wakeAt?.toISOString(),
    timeout_ms: timeoutMs ?? task?.deadline_ms,
    heartbeat_timeout_ms: heartbeatTimeoutMs,
    signal_name: signalName,
    work_queue_id: workQueueId,
    task,
    ...more,
  };
}
