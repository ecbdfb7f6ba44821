// Entries of a history: what is read of each event, and where groups are cut. Hand-written events, no server.

import protos, { type temporal } from '@temporalio/proto';
import { expect, test } from 'vitest';
import { HistoryReader, stepOf } from '../../bridge/entries.ts';
import { RECORDS } from '../../records.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
const { EventType } = protos.temporal.api.enums.v1;

const payload = (value: unknown) => ({
  metadata: { encoding: new TextEncoder().encode('json/plain') },
  data: new TextEncoder().encode(JSON.stringify(value)),
});

const event = (id: number, type: keyof typeof EventType, attributes: object = {}): HistoryEvent =>
  ({ eventId: id, eventType: EventType[type], ...attributes }) as unknown as HistoryEvent;

const scheduled = (id: number, activityId: string) =>
  event(id, 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED', {
    activityTaskScheduledEventAttributes: { activityId },
  });

const completed = (id: number, of: number, result: unknown) =>
  event(id, 'EVENT_TYPE_ACTIVITY_TASK_COMPLETED', {
    activityTaskCompletedEventAttributes: {
      scheduledEventId: of,
      result: { payloads: [payload(result)] },
    },
  });

test('an activity id names node, item and attempt', () => {
  expect(stepOf('a/-/1')).toEqual({ node: 'a', item: 0, attempt: 1 });
  expect(stepOf('a/b/-1/2')).toEqual({ node: 'a/b', item: -1, attempt: 2 });
  expect(stepOf('something else')).toBeUndefined();
});

test('activities, records and markers become entries, and groups are cut at workflow tasks', () => {
  const reader = new HistoryReader();
  const record = {
    kind: 'failed',
    node: 'x',
    item: 0,
    attempt: 1,
    error: { code: 'c', message: 'm' },
  };
  const marker = { kind: 'completed', node: 'm', item: 0, attempt: 1, output: 1 };
  const groups = reader.read([
    event(1, 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED'),
    event(2, 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED'),
    event(3, 'EVENT_TYPE_WORKFLOW_TASK_STARTED'),
    event(4, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED'),
    scheduled(5, 'a/-/1'),
    event(6, 'EVENT_TYPE_MARKER_RECORDED', {
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        details: { result: { payloads: [payload(marker)] } },
      },
    }),
    event(7, 'EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED', {
      workflowPropertiesModifiedEventAttributes: {
        upsertedMemo: { fields: { [RECORDS]: payload([record, { kind: 'unknown' }]) } },
      },
    }),
    completed(8, 5, { kind: 'completed', output: 2 }),
    event(9, 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED'),
    event(10, 'EVENT_TYPE_WORKFLOW_TASK_STARTED'),
  ]);
  const a = { node: 'a', item: 0, attempt: 1 };
  expect(groups).toEqual([
    { upto: 2, entries: [] },
    {
      upto: 9,
      entries: [{ kind: 'entered', ...a }, marker, record, { kind: 'completed', output: 2, ...a }],
    },
    { upto: 10, entries: [] },
  ]);
});

test('a history is active while an activity or a workflow task is open, otherwise its timers count', () => {
  const reader = new HistoryReader();
  reader.read([event(1, 'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED')]);
  expect(reader.isActive).toBe(true);
  reader.read([
    event(2, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED'),
    scheduled(3, 'a/-/1'),
    event(4, 'EVENT_TYPE_TIMER_STARTED', {
      eventTime: { seconds: 100 },
      timerStartedEventAttributes: {
        timerId: 't',
        startToFireTimeout: { seconds: 5, nanos: 500_000_000 },
      },
    }),
  ]);
  expect(reader.isActive).toBe(true);
  reader.read([completed(5, 3, { kind: 'completed', output: 1 })]);
  expect(reader.isActive).toBe(false);
  expect(reader.nextTimer).toBe(105_500);
  reader.read([
    event(6, 'EVENT_TYPE_TIMER_FIRED', { timerFiredEventAttributes: { timerId: 't' } }),
  ]);
  expect(reader.nextTimer).toBeUndefined();
});

test('a failed workflow task is a problem until the next one completes; an end closes the history', () => {
  const reader = new HistoryReader();
  reader.read([
    event(1, 'EVENT_TYPE_WORKFLOW_TASK_FAILED', {
      workflowTaskFailedEventAttributes: { failure: { message: 'nondeterministic' } },
    }),
  ]);
  expect(reader.problem).toBe('nondeterministic');
  const groups = reader.read([
    event(2, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED'),
    event(3, 'EVENT_TYPE_WORKFLOW_EXECUTION_FAILED', {
      workflowExecutionFailedEventAttributes: { failure: { message: 'boom' } },
    }),
  ]);
  expect(reader.problem).toBeUndefined();
  expect(reader.isClosed).toBe(true);
  expect(groups[0]?.entries).toEqual([
    { kind: 'closed', code: 'engine_closed', message: 'The workflow failed in Temporal: boom' },
  ]);
});
