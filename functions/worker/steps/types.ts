// The contract between the worker and the step types: what a handler is given, what it may answer.

import type { z } from 'zod';
import type { StepEnv } from './env.ts';

export type { StepEnv } from './env.ts';
export { StepError, type StepErrorOptions, toStepError } from './errors.ts';

export interface StepRun {
  id: string;
  app_code: string;
  /** kebab_name of the workflow. */
  workflow: string;
  version: number;
  trace_id?: string;
}

/** The component that a node names: a row of stepbase.components, with its prompt. */
export interface Component {
  name: string;
  version: string;
  type: string;
  is_active: boolean;
  endpoint: string | null;
  timeout_ms: number;
  model: string | null;
  input_schema: Record<string, unknown> | null;
  output_schema: Record<string, unknown> | null;
  ui_widget_id: string | null;
  ui_definitions: Record<string, unknown>;
  prompt: string | null;
}

export interface StepContext {
  run: StepRun;
  stepId: string;
  attempt: number;
  itemIndex: number;
  /** The element of for_each this step run works on. */
  item?: unknown;
  /** run:step:item, the same for every attempt: send it to whoever can recognise a repetition. */
  idempotencyKey: string;
  /** Aborted when the attempt is cancelled or out of time. */
  signal: AbortSignal;
  /** The time-out the node was given, when it was given one; without it a handler uses its own default. */
  timeoutMs?: number;
  env: StepEnv;
  queues: WorkQueues;
  runs: ExternalRuns;
  /** Of nodes that name one. */
  component?: Component;
  input: unknown;
  steps: Record<string, { output: unknown }>;
  context: Record<string, unknown>;
}

/** The work queues of the step's app: `queue` of its own workflow, or `workflow/queue`. */
export interface WorkQueues {
  /** A repeated call of the same step adds nothing. */
  push(queue: string, item: unknown, priority: number): Promise<{ item_id: string }>;
  /** A repeated call of the same step takes the same item. */
  pop(queue: string): Promise<{ work_queue_id: string; found: boolean; item: unknown }>;
}

/** What a query takes to be answered: nothing more, or JSONata over the state of the run. */
export type QueryAnswer =
  | { answer: unknown }
  | {
      expression: string;
      state: Record<string, unknown>;
      return_type: Record<string, unknown> | null;
    };

/** Other runs: 'parent', or the id of a run of the same app. */
export interface ExternalRuns {
  /** A repeated call of the same step sends nothing. */
  signal(run: string, name: string, payload: unknown): Promise<{ run_id: string }>;
  query(run: string, name: string): Promise<QueryAnswer>;
}

export interface TaskRequest {
  title: string;
  description?: string;
  /** A user's id. */
  assigned_to?: string;
  role?: string;
  form?: unknown;
  /** What a client draws for it, and with what. */
  widget?: { id: string; definitions: Record<string, unknown> };
  deadline_ms?: number;
}

export interface EmittedEvent {
  name: string;
  payload: unknown;
}

export interface Completed {
  kind: 'completed';
  output: unknown;
  /** The branch the step chose; edges with another sourceHandle are not taken. */
  handle?: string;
  /** Events the engine publishes in the transaction that completes the step. */
  emit?: EmittedEvent[];
  /** What the step printed; goes to the step.completed event, not to the context. */
  logs?: string[];
}

/** The step ends its token and is completed later by somebody else. */
export interface Waiting {
  kind: 'waiting';
  reason: 'task' | 'delay' | 'signal' | 'child' | 'items' | 'queue';
  /** reason 'delay': when the engine completes the step; a duration is timeoutMs. */
  wakeAt?: Date;
  /** reason 'task'. */
  task?: TaskRequest;
  /** reason 'signal'. */
  signalName?: string;
  /** reason 'queue': the work queue whose next item completes the step. */
  workQueueId?: string;
  /** After this a delay is over; anything else takes its 'timeout' handle. */
  timeoutMs?: number;
  /** reason 'child'. */
  child?: {
    workflow: string;
    input: unknown;
    wait: boolean;
    parent_close_policy?: string | undefined;
  };
  /** reason 'items': the engine makes a step run of each, so many at a time. */
  items?: unknown[];
  concurrency?: number;
}

export type StepResult = Completed | Waiting;

export type RawLanguage = 'jsonata' | 'javascript';

export interface StepHandler<Config> {
  readonly type: string;
  /** Checks the config after its templates were filled in. */
  readonly schema: z.ZodType<Config>;
  /** Config keys that hold source code: no templates in them, but their references count. */
  readonly rawKeys?: Readonly<Record<string, RawLanguage>>;
  /** It reads nothing but its context and changes nothing outside: it may run ahead, and run again. */
  readonly isPure?: boolean;
  /** Takes milliseconds, so that nobody misses seeing it under way. */
  readonly isBrief?: boolean;
  /** What its config says goes out and is kept nowhere; of every other type secrets would be stored. */
  readonly mayUseSecrets?: boolean;
  run(config: Config, ctx: StepContext): Promise<StepResult>;
}
