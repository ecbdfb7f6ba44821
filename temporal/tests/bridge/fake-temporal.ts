// A stand-in of Temporal for the parts of the bridge: histories in memory, written by a workflow of a few lines. It can
// be away, and it shows faults of the bridge that a real server causes only by chance. crashes.test.ts has a real one.

import { randomUUID } from 'node:crypto';
import protos, { type temporal } from '@temporalio/proto';
import type { Cluster, HistoryPage } from '../../bridge/cluster.ts';
import type { Command, Json, StepRecord } from '../../records.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
const { EventType } = protos.temporal.api.enums.v1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const payload = (value: unknown) => ({
  metadata: { encoding: encoder.encode('json/plain') },
  data: encoder.encode(JSON.stringify(value)),
});

/** One workflow, from its first execution to its last. */
export class FakeWorkflow {
  readonly id: string;
  readonly input: Json;
  readonly commands: Command[] = [];
  readonly executions: { runId: string; events: HistoryEvent[]; isClosed: boolean }[] = [];

  constructor(id: string, input: Json) {
    this.id = id;
    this.input = input;
    this.#open();
  }

  get #current() {
    const current = this.executions.at(-1);
    if (!current) throw new Error('no execution');
    return current;
  }

  #open(): void {
    const runId = randomUUID();
    this.executions.push({ runId, events: [], isClosed: false });
    this.#add('EVENT_TYPE_WORKFLOW_EXECUTION_STARTED', {
      workflowExecutionStartedEventAttributes: {
        originalExecutionRunId: runId,
        firstExecutionRunId: this.executions[0]?.runId,
      },
    });
  }

  #add(type: keyof typeof EventType, attributes: object = {}): number {
    const { events } = this.#current;
    const eventId = events.length + 1;
    events.push({ eventId, eventType: EventType[type], ...attributes } as unknown as HistoryEvent);
    return eventId;
  }

  /** A workflow task: what the workflow does in one activation. */
  task(does: () => void): void {
    this.#add('EVENT_TYPE_WORKFLOW_TASK_SCHEDULED');
    this.#add('EVENT_TYPE_WORKFLOW_TASK_STARTED');
    this.#add('EVENT_TYPE_WORKFLOW_TASK_COMPLETED');
    does();
  }

  local(record: StepRecord): void {
    this.#add('EVENT_TYPE_MARKER_RECORDED', {
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        details: { result: { payloads: [payload(record)] } },
      },
    });
  }

  schedule(node: string): number {
    return this.#add('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED', {
      activityTaskScheduledEventAttributes: { activityId: `${node}/-/1` },
    });
  }

  finish(scheduledEventId: number, output: Json): void {
    this.#add('EVENT_TYPE_ACTIVITY_TASK_COMPLETED', {
      activityTaskCompletedEventAttributes: {
        scheduledEventId,
        result: { payloads: [payload({ kind: 'completed', output })] },
      },
    });
  }

  continueAsNew(): void {
    const ended = this.#current;
    const { events } = ended;
    const id = this.#add('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW', {
      workflowExecutionContinuedAsNewEventAttributes: {},
    });
    ended.isClosed = true;
    this.#open();
    const attributes = events[id - 1]?.workflowExecutionContinuedAsNewEventAttributes;
    if (attributes) attributes.newExecutionRunId = this.#current.runId;
  }

  complete(): void {
    this.#add('EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED');
    this.#current.isClosed = true;
  }
}

export interface FakeTemporal extends Cluster {
  workflows: Map<string, FakeWorkflow>;
  /** While true, every call fails as it does without a server. */
  isAway: boolean;
}

/** `onStart` and `onCommand` are the workflow. */
export function fakeTemporal(workflow: {
  onStart(of: FakeWorkflow): void;
  onCommand(of: FakeWorkflow, command: Command): void;
}): FakeTemporal {
  const workflows = new Map<string, FakeWorkflow>();
  const demand = () => {
    // gRPC's UNAVAILABLE.
    if (fake.isAway) throw Object.assign(new Error('no connection'), { code: 14 });
  };
  const fake: FakeTemporal = {
    workflows,
    isAway: false,
    async ensureNamespace() {
      demand();
    },
    async start({ id, args }) {
      demand();
      if (workflows.has(id)) return;
      const started = new FakeWorkflow(id, args.input);
      workflows.set(id, started);
      workflow.onStart(started);
    },
    async send(_namespace, runId, command) {
      demand();
      const found = workflows.get(runId);
      if (!found || found.executions.at(-1)?.isClosed) return false;
      found.commands.push(command);
      workflow.onCommand(found, command);
      return true;
    },
    async terminate() {
      demand();
    },
    async history({ runId, temporalRunId, token, waitMs, signal }) {
      const until = Date.now() + waitMs;
      for (;;) {
        demand();
        const { executions = [] } = workflows.get(runId) ?? {};
        const execution =
          executions.find((each) => each.runId === temporalRunId) ?? executions.at(-1);
        if (!execution) return null;
        const from = token ? Number(decoder.decode(token)) : 0;
        const events = execution.events.slice(from);
        if (events.length > 0) return pageOf(execution, events, from);
        if (signal.aborted || Date.now() >= until) return undefined;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async check() {
      demand();
    },
    async close() {},
  };
  return fake;
}

function pageOf(
  { events: all, isClosed, runId }: FakeWorkflow['executions'][number],
  events: HistoryEvent[],
  from: number,
): HistoryPage {
  const first = events[0]?.workflowExecutionStartedEventAttributes;
  return {
    temporalRunId: first ? runId : undefined,
    firstRunId: first?.firstExecutionRunId ?? undefined,
    events,
    token: isClosed ? new Uint8Array() : encoder.encode(String(from + events.length || all.length)),
  };
}
