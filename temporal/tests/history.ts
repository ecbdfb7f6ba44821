// Reads the histories of a compiled workflow as the bridge does.

import type { Client, WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { type Json, RECORDS, type StepKey } from '../records.ts';

type Payload = temporal.api.common.v1.IPayload;
const { EventType } = temporal.api.enums.v1;

/** Of an activity id: `<node>/<item or ->/<attempt>`. */
export function stepOf(activityId: string): StepKey {
  const [, node = '', item = '', attempt = ''] = /^(.+)\/(-|-?\d+)\/(\d+)$/.exec(activityId) ?? [];
  return { node, item: item === '-' ? 0 : Number(item), attempt: Number(attempt) };
}

export interface Fact extends Partial<StepKey> {
  kind: string;
  status?: string;
  output?: Json;
  error?: Json;
  wait?: Json;
  retry_at?: string;
}

/** The events of an execution, and of those that continue it. */
export interface Execution {
  runId: string;
  events: temporal.api.history.v1.IHistoryEvent[];
}

/** All executions of a workflow, from its first one. */
export async function executionsOf(
  client: Client,
  workflowId: string,
  firstRunId: string,
): Promise<Execution[]> {
  const executions: Execution[] = [];
  for (let runId: string | null | undefined = firstRunId; runId; ) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    executions.push({ runId, events: events ?? [] });
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return executions;
}

/** The events as text, with the contents of their payloads. */
export const textOf = (events: Execution['events'] | null | undefined): string =>
  JSON.stringify(events).replace(/"data":"([^"]*)"/g, (_, data: string) =>
    Buffer.from(data, 'base64').toString(),
  );

/** The size of the largest payload, in bytes. */
export const largestPayload = (events: Execution['events']): number =>
  Math.max(
    0,
    ...JSON.stringify(events)
      .matchAll(/"data":"([^"]*)"/g)
      .map(([, data = '']) => Buffer.byteLength(data, 'base64')),
  );

const parsed = <T>(payload: Payload | null | undefined): T | undefined =>
  payload?.data ? (JSON.parse(new TextDecoder().decode(payload.data)) as T) : undefined;

/** What the history says about steps, in its order: scheduled activities and outcomes. */
export async function factsOf(handle: WorkflowHandle): Promise<Fact[]> {
  const { events } = await handle.fetchHistory();
  const scheduled = new Map<number, StepKey>();
  return (events ?? []).flatMap((event): Fact[] => {
    switch (event.eventType) {
      case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: {
        const key = stepOf(event.activityTaskScheduledEventAttributes?.activityId ?? '');
        scheduled.set(Number(event.eventId), key);
        return [{ ...key, kind: 'scheduled' }];
      }
      case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: {
        const { scheduledEventId, result } = event.activityTaskCompletedEventAttributes ?? {};
        const outcome = parsed<Fact>(result?.payloads?.[0]);
        return outcome ? [{ ...scheduled.get(Number(scheduledEventId)), ...outcome }] : [];
      }
      case EventType.EVENT_TYPE_MARKER_RECORDED: {
        const { result } = event.markerRecordedEventAttributes?.details ?? {};
        const record = parsed<Fact>(result?.payloads?.[0]);
        return record && record.kind !== 'failed' ? [record] : [];
      }
      case EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: {
        const memo = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields;
        return parsed<Fact[]>(memo?.[RECORDS]) ?? [];
      }
      default:
        return [];
    }
  });
}
