// Reads the history of a compiled workflow as the bridge does.

import type { WorkflowHandle } from '@temporalio/client';
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
