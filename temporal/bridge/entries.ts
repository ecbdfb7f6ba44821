// Entries: what a history says about the steps of a run, in the form that stepbase_engine.mirror_temporal applies.
// A HistoryReader reads the events of one execution in their order and keeps what later events refer to.

import protos, { type temporal } from '@temporalio/proto';
import { RECORDS } from '../records.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payload = temporal.api.common.v1.IPayload;
type Failure = temporal.api.failure.v1.IFailure;
const { EventType } = protos.temporal.api.enums.v1;

/** {kind, node, item, attempt, …}: see stepbase_engine.mirror_step. */
export type Entry = { kind: string } & Record<string, unknown>;

/** The entries of a workflow task: the database applies them together. */
export interface Group {
  upto: number;
  entries: Entry[];
}

/** The marker that the SDK writes for a local activity. */
const LOCAL_ACTIVITY = 'core_local_activity';

const text = new TextDecoder();

/** The value of a payload of the default data converter. */
export function decoded(payload: Payload | null | undefined): unknown {
  const encoding = payload?.metadata?.encoding;
  const name = encoding ? text.decode(encoding) : '';
  if (name === 'json/plain') return JSON.parse(text.decode(payload?.data ?? new Uint8Array()));
  if (name === 'binary/null' || name === '') return null;
  throw new Error(`a payload has the encoding ${name}, which the bridge cannot read`);
}

/** `<node>/<item or ->/<attempt>`; undefined for activities of other kinds. */
export function stepOf(activityId: string | null | undefined) {
  const match = /^(.+)\/(-|-?\d+)\/(\d+)$/.exec(activityId ?? '');
  if (!match) return undefined;
  const [, node = '', item = '', attempt = ''] = match;
  return { node, item: item === '-' ? 0 : Number(item), attempt: Number(attempt) };
}

/** What mirror_step understands of a record or an outcome; everything else is left out. */
function isOutcome(value: unknown): value is Entry {
  const kind = (value as Entry | null)?.kind;
  return kind === 'completed' || kind === 'waiting';
}

const isRecord = (value: unknown): value is Entry =>
  isOutcome(value) || ['failed', 'ended'].includes((value as Entry | null)?.kind ?? '');

const messageOf = (failure: Failure | null | undefined): string =>
  [failure?.message, failure?.cause?.message].filter(Boolean).join(': ');

const closed = (message: string): Entry => ({ kind: 'closed', code: 'engine_closed', message });

export class HistoryReader {
  /** What keeps the workflow from its next step; undefined: nothing. */
  problem: string | undefined;
  isClosed = false;
  /** The execution that follows this one. */
  continuedAs: string | undefined;
  readonly #activities = new Map<string, ReturnType<typeof stepOf>>();
  /** When the timers that run will fire. */
  readonly #timers = new Map<string, number>();
  #hasTask = false;

  /** Whether the history grows without a command: by a worker of Temporal. */
  get isActive(): boolean {
    return this.#hasTask || this.#activities.size > 0;
  }

  /** When the next timer fires, in milliseconds since 1970; undefined without a timer. */
  get nextTimer(): number | undefined {
    return this.#timers.size === 0 ? undefined : Math.min(...this.#timers.values());
  }

  /** Cut before each workflow task: an activity and the record that makes its step ready are in one group. */
  read(events: readonly HistoryEvent[]): Group[] {
    const groups: Group[] = [];
    let group: Group | undefined;
    for (const event of events) {
      if (!group || event.eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED) {
        group = { upto: 0, entries: [] };
        groups.push(group);
      }
      group.entries.push(...this.#entriesOf(event));
      group.upto = Number(event.eventId);
    }
    return groups;
  }

  #entriesOf(event: HistoryEvent): Entry[] {
    switch (event.eventType) {
      case EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
        this.#hasTask = true;
        return [];
      case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
        this.#hasTask = false;
        this.problem = undefined;
        return [];
      case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
        this.problem = messageOf(event.workflowTaskFailedEventAttributes?.failure);
        return [];
      case EventType.EVENT_TYPE_TIMER_STARTED:
      case EventType.EVENT_TYPE_TIMER_FIRED:
      case EventType.EVENT_TYPE_TIMER_CANCELED:
        this.#countTimer(event);
        return [];
      case EventType.EVENT_TYPE_MARKER_RECORDED:
        return markerEntries(event);
      case EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: {
        const memo = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields;
        const records = memo?.[RECORDS] ? decoded(memo[RECORDS]) : [];
        return Array.isArray(records) ? records.filter(isRecord) : [];
      }
    }
    return this.#activityEntries(event) ?? this.#endEntries(event);
  }

  #countTimer(event: HistoryEvent): void {
    const started = event.timerStartedEventAttributes;
    if (started) {
      const { seconds, nanos } = started.startToFireTimeout ?? {};
      const at = Number(event.eventTime?.seconds ?? 0) * 1000;
      const ms = Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6;
      this.#timers.set(started.timerId ?? '', at + ms);
      return;
    }
    const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
    this.#timers.delete(ended?.timerId ?? '');
  }

  #activityEntries(event: HistoryEvent): Entry[] | undefined {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const step = stepOf(scheduled.activityId);
      this.#activities.set(String(event.eventId), step);
      return step ? [{ kind: 'entered', ...step }] : [];
    }
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    if (!ended) return undefined;
    const id = String(ended.scheduledEventId);
    const step = this.#activities.get(id);
    this.#activities.delete(id);
    const result = event.activityTaskCompletedEventAttributes?.result?.payloads?.[0];
    const outcome = result ? decoded(result) : undefined;
    return step && isOutcome(outcome) ? [{ ...outcome, ...step }] : [];
  }

  #endEntries(event: HistoryEvent): Entry[] {
    const entry = this.#endEntry(event);
    if (!entry) return [];
    this.isClosed = true;
    this.#hasTask = false;
    this.#activities.clear();
    this.#timers.clear();
    return [entry];
  }

  #endEntry(event: HistoryEvent): Entry | undefined {
    switch (event.eventType) {
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        return closed('The workflow completed in Temporal before its run had ended');
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: {
        const { failure } = event.workflowExecutionFailedEventAttributes ?? {};
        return closed(`The workflow failed in Temporal: ${messageOf(failure)}`);
      }
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
        return closed('The workflow exceeded a time limit of Temporal');
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
        return closed('The workflow was cancelled in Temporal');
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: {
        const { reason } = event.workflowExecutionTerminatedEventAttributes ?? {};
        return closed(
          ['The workflow was terminated in Temporal', reason].filter(Boolean).join(': '),
        );
      }
      case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: {
        const { newExecutionRunId } = event.workflowExecutionContinuedAsNewEventAttributes ?? {};
        this.continuedAs = newExecutionRunId ?? '';
        return { kind: 'continued', temporal_run_id: this.continuedAs };
      }
      default:
        return undefined;
    }
  }
}

/** A failed local activity is no entry: only the workflow knows whether a retry follows. */
function markerEntries(event: HistoryEvent): Entry[] {
  const marker = event.markerRecordedEventAttributes;
  if (marker?.markerName !== LOCAL_ACTIVITY) return [];
  const result = marker.details?.result?.payloads?.[0];
  const record = result ? decoded(result) : undefined;
  return isOutcome(record) && typeof record.node === 'string' ? [record] : [];
}
