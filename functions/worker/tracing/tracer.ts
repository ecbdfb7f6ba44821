// The tracer: a run is a trace (or a part of the trace of its caller), each execution of an attempt is a span below the
// span of its run. A span is made when its work has ended, from what the worker knows then. Ids follow from the run and
// the attempt, so a parent needs no storage. Attributes contain names and codes, never inputs, outputs or messages.

import { createHash } from 'node:crypto';
import type { Clock } from '../../_shared/clock/clock.ts';
import { isAtLeast, type TracingSettings } from '../../_shared/tracing/settings.ts';
import { formatTraceparent, parseTraceparent } from '../../_shared/tracing/traceparent.ts';
import type { RunFacts, Work } from '../engine/types.ts';
import type { AttemptOutcome } from '../executor.ts';
import type { Exporter } from './exporter.ts';
import type { Span } from './span.ts';

/** The identity of one execution of an attempt. */
export type Execution = Pick<Work, 'run_id' | 'step_id' | 'item_index' | 'attempt' | 'fence'>;

/** The values that the spans of a run share. */
export type TracedRun = Pick<RunFacts, 'trace_id' | 'traceparent'>;

/** A run that ended (stepbase_engine.relay_app_traced). Times in milliseconds since 1970. */
export interface EndedRun extends TracedRun {
  run_id: string;
  app_code: string;
  workflow: string;
  version: number;
  status: string;
  trigger_type: string;
  error_code: string | null;
  created_at: number;
  started_at: number;
  ended_at: number;
  /** The execution that started this run. */
  parent: Execution | null;
}

export interface AttemptFacts {
  outcome: AttemptOutcome;
  run: TracedRun;
  workflow: string;
  version: number;
  stepType: string;
  startedAt: number;
}

export interface Tracer {
  /** Undefined when the trace is not sampled. */
  attempt(facts: AttemptFacts): Span | undefined;
  /** Exports the spans of runs that ended. */
  endRuns(runs: readonly EndedRun[]): void;
  export(spans: readonly Span[]): void;
  isSampled(run: TracedRun): boolean;
}

/** Steps that call another system. */
const CLIENTS: ReadonlySet<string> = new Set([
  'http_request',
  'webhook',
  'llm_call',
  'ai_agent_task',
  'service_task',
  'send_email',
]);

const idOf = (text: string): string => {
  const id = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // Zero is no valid id.
  return /^0+$/.test(id) ? '0000000000000001' : id;
};

export const runSpanId = (runId: string): string => idOf(runId);

export const attemptSpanId = ({ run_id, step_id, item_index, attempt, fence }: Execution): string =>
  idOf(`${run_id}:${step_id}:${item_index}:${attempt}:${fence}`);

const callersHeader = ({ traceparent }: TracedRun): string | undefined =>
  parseTraceparent(traceparent) && traceparent ? traceparent : undefined;

const headerOf = (spanId: string, run: TracedRun, tracer: Pick<Tracer, 'isSampled'>): string =>
  formatTraceparent({ traceId: run.trace_id, spanId, isSampled: tracer.isSampled(run) });

/**
 * The header for a call of a step. Without a tracer, it is the one that the run was started with, if any: a header of
 * our own would tell other systems not to sample.
 */
export function traceparentFor(
  work: Execution,
  run: TracedRun,
  tracer: Pick<Tracer, 'isSampled'> | undefined,
): string | undefined {
  return tracer === undefined ? callersHeader(run) : headerOf(attemptSpanId(work), run, tracer);
}

/** The header for a message about a run: below the span of the run. */
export function runTraceparent(
  runId: string,
  run: TracedRun,
  tracer: Pick<Tracer, 'isSampled'> | undefined,
): string | undefined {
  return tracer === undefined ? callersHeader(run) : headerOf(runSpanId(runId), run, tracer);
}

export interface TracerOptions {
  settings: Pick<TracingSettings, 'threshold' | 'followsParent'>;
  exporter: Pick<Exporter, 'add'>;
  clock: Clock;
}

export function createTracer({ settings, exporter, clock }: TracerOptions): Tracer {
  function isSampled({ trace_id, traceparent }: TracedRun): boolean {
    const caller = settings.followsParent ? parseTraceparent(traceparent) : undefined;
    return caller?.isSampled ?? isAtLeast(trace_id, settings.threshold);
  }

  function runSpan(run: EndedRun): Span {
    const caller = parseTraceparent(run.traceparent);
    const parentSpanId = run.parent ? attemptSpanId(run.parent) : caller?.spanId;
    return {
      traceId: run.trace_id,
      spanId: runSpanId(run.run_id),
      parentSpanId,
      hasRemoteParent: run.parent === null && caller !== undefined,
      name: `run ${run.workflow}`,
      kind: 'consumer',
      startedAt: run.started_at,
      endedAt: run.ended_at,
      attributes: {
        'stepbase.app_code': run.app_code,
        'stepbase.workflow': run.workflow,
        'stepbase.workflow_version': run.version,
        'stepbase.run_id': run.run_id,
        'stepbase.run_status': run.status,
        'stepbase.trigger_type': run.trigger_type,
        'stepbase.queued_ms': Math.max(0, Math.round(run.started_at - run.created_at)),
        'error.type': run.error_code ?? undefined,
      },
      hasFailed: run.status === 'failed' || run.status === 'timed_out',
    };
  }

  return {
    isSampled,
    attempt({ outcome, run, workflow, version, stepType, startedAt }) {
      if (!isSampled(run)) return undefined;
      const { work } = outcome;
      return {
        traceId: run.trace_id,
        spanId: attemptSpanId(work),
        parentSpanId: runSpanId(work.run_id),
        hasRemoteParent: false,
        name: `${stepType} ${work.step_id}`,
        kind: CLIENTS.has(stepType) ? 'client' : 'internal',
        startedAt,
        endedAt: clock.epoch(),
        attributes: {
          'stepbase.app_code': work.app_code,
          'stepbase.workflow': workflow,
          'stepbase.workflow_version': version,
          'stepbase.run_id': work.run_id,
          'stepbase.step_id': work.step_id,
          'stepbase.step_type': stepType,
          'stepbase.attempt': work.attempt,
          'stepbase.outcome': outcome.kind,
          ...detailsOf(outcome),
        },
        hasFailed: outcome.kind === 'failed',
      };
    },
    endRuns: (runs) => exporter.add(runs.filter(isSampled).map(runSpan)),
    export: (spans) => exporter.add(spans),
  };
}

function detailsOf(outcome: AttemptOutcome): Span['attributes'] {
  const { item_index } = outcome.work;
  return {
    'stepbase.item_index': item_index > 0 ? item_index - 1 : undefined,
    'stepbase.is_compensation': item_index === -1 ? true : undefined,
    'stepbase.is_tool': item_index < -1 ? true : undefined,
    'stepbase.wait_kind': outcome.kind === 'waiting' ? outcome.result.reason : undefined,
    'error.type': outcome.kind === 'failed' ? outcome.error.code : undefined,
  };
}
