// The contract between the worker and the step handlers: the context of a handler and its results.

import type { z } from 'zod';
import type { Moment } from '../../_shared/expressions/index.ts';
import type { StepType } from '../../_shared/step-types/index.ts';
import type { AgentTurns, ToolFacts } from '../agents/types.ts';
import type { LogLevel } from '../step-logs.ts';
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

/** The component of a node: a row of stepbase.components, with its prompt. */
export interface Component {
  id: string;
  name: string;
  version: string;
  type: string;
  is_active: boolean;
  endpoint: string | null;
  timeout_ms: number;
  /** How long the step waits after an answer 202. */
  callback_timeout_ms: number;
  heartbeat_timeout_ms: number | null;
  model: string | null;
  input_schema: Record<string, unknown> | null;
  output_schema: Record<string, unknown> | null;
  ui_widget_id: string | null;
  ui_definitions: Record<string, unknown>;
  prompt: string | null;
  /** JSON Schemas of the values that the prompt needs, by name. */
  prompt_variables: Record<string, unknown>;
}

/** A prompt as it was when the version was published. */
export interface StoredPrompt {
  version: string;
  content: string;
  /** JSON Schemas of the values that its templates name; empty: it accepts every variable. */
  variables: Record<string, unknown>;
}

/** A text that watchers of the run receive in pieces. */
export interface TextStream {
  add(text: string): void;
  end(): void;
}

export interface StepContext {
  run: StepRun;
  stepId: string;
  attempt: number;
  itemIndex: number;
  /** The element of the list that this item of a for_each processes. */
  item?: unknown;
  /** What $now and $random return in expressions; undefined: the time and chance of this machine. */
  moment?: Moment;
  /** run:step:item, the same for every attempt: other systems can recognise a repeated call by it. */
  idempotencyKey: string;
  /** The row of this attempt. */
  stepRunId: string;
  /** The W3C header that continues the trace of the run in another system. */
  traceparent?(): string | undefined;
  /** Aborted when the attempt is cancelled or exceeds its time limit. */
  signal: AbortSignal;
  /** Waits without using the time of the attempt: for a turn, a thread, a slot. */
  queueing<T>(wait: Promise<T>): Promise<T>;
  /** The timeout of the node; without it a handler uses its own default. */
  timeoutMs?: number;
  env: StepEnv;
  /** Writes a line to the log of the attempt, without secrets. The attempt does not wait for it. */
  log(level: LogLevel, message: string, data?: Record<string, unknown>): void;
  /** Texts for the watchers of the run, one for each call of a model, without secrets. They are not stored. */
  texts?: { open(): TextStream };
  queues: WorkQueues;
  runs: ExternalRuns;
  usage: Usage;
  functions: ProjectFunctions;
  callbacks: Callbacks;
  agentTurns: AgentTurns;
  /** The config with its templates filled in and the names of secrets, as the step run keeps it. */
  stored?: unknown;
  /** Present when the node names a component. */
  component?: Component;
  /** The stored prompts of the version, by reference. */
  prompts?: Readonly<Record<string, StoredPrompt>>;
  /** Present when the node has tools. */
  tools?: readonly ToolFacts[];
  input: unknown;
  steps: Record<string, { output: unknown }>;
  context: Record<string, unknown>;
}

/** The work queues of the step's app: `queue` of the step's workflow, or `workflow/queue`. */
export interface WorkQueues {
  /** A repeated call of the same step adds nothing. */
  push(queue: string, item: unknown, priority: number): Promise<{ item_id: string }>;
  /** A repeated call of the same step returns the same item. */
  pop(queue: string): Promise<{ work_queue_id: string; found: boolean; item: unknown }>;
}

/** A model that is called, and its price. */
export interface CalledModel {
  provider: string;
  model: string;
  /** US dollars for a million tokens; without it, the price that the operator stored for the model. */
  price?: { input: number; output: number; cached_input?: number | null | undefined };
  /** The endpoint is the operator's: the price that the operator stored precedes `price`. */
  is_operators?: true;
}

/** The tokens of one call of a model; null if the response does not tell. */
export interface ModelUse extends CalledModel {
  input: number | null;
  output: number | null;
  total: number | null;
  /** The part of `input` that the provider had in its cache. */
  cached_input: number | null;
}

/** Counts against the quotas and budgets of the step's app. Rejects with SQLSTATE SB429 or SB430 if one is used up. */
export interface Usage {
  /** Before the call. */
  countLlmCall(model: CalledModel): Promise<void>;
  /** After the response; returns its cost in US dollars, null if the price is not known. */
  countTokens(use: ModelUse): Promise<number | null>;
  /** Before sending, with the number of recipients. */
  countMails(recipients: number): Promise<void>;
}

/** The answer of a query, or a JSONata expression to evaluate over the state of the run. */
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

export interface FunctionCall {
  app: string;
  /** Schema and name. */
  name: string;
  args: Record<string, unknown>;
  timeoutMs: number;
  /** For the function: the setting stepbase.traceparent of its transaction. */
  traceparent?: string | undefined;
  signal: AbortSignal;
  queueing: StepContext['queueing'];
}

/** Functions of the project's database that an operator has allowed. */
export interface ProjectFunctions {
  /** A repeated call of the same step returns the result of the first one that succeeded. */
  call(call: FunctionCall): Promise<unknown>;
}

export interface CallbackRequest {
  component: Component;
  /** The config, as the step run keeps it. */
  input: unknown;
  /** The time limit of the call itself. */
  callMs: number;
}

export interface OpenCallback {
  token: string;
  /** The end of the wait, as PostgreSQL writes it. */
  expires_at: Date;
  /** They sign the call; more than one while a new secret replaces an old one. */
  secrets: string[];
}

/** Tokens by which a component answers later. */
export interface Callbacks {
  open(request: CallbackRequest): Promise<OpenCallback>;
}

export interface TaskRequest {
  title: string;
  description?: string;
  /** A user's id, or several. */
  assigned_to?: string | string[];
  /** A role of the application, or several. */
  role?: string | string[];
  form?: unknown;
  /** The widget that a client shows for the task. */
  widget?: { id: string; definitions: Record<string, unknown> };
  deadline_ms?: number;
  notify?: boolean;
  remind_every_ms?: number;
  remind_before_ms?: number;
  escalate?: { after_ms: number; assigned_to?: string; role?: string | string[] };
  /** The rules of an approval. */
  approvals_required?: number;
  reject_on?: 'first' | 'unreachable';
  exclude_requester?: boolean;
}

export interface EmittedEvent {
  name: string;
  payload: unknown;
}

export interface Completed {
  kind: 'completed';
  output: unknown;
  /** The branch that the step chose; edges with another sourceHandle are not taken. */
  handle?: string;
  /** Handles that apply if no edge has `handle`. */
  otherHandles?: string[];
  /** Set by the executor: no edge has the handle. */
  takesNoEdge?: boolean;
  /** Events that the engine publishes in the transaction that completes the step. */
  emit?: EmittedEvent[];
  /** The lines that the step printed; they go to the step.completed event, not to the context. */
  logs?: string[];
}

/** The step ends its token; a timer, a person, a signal or another run completes it later. */
export interface Waiting {
  kind: 'waiting';
  reason: 'task' | 'delay' | 'signal' | 'child' | 'items' | 'queue' | 'callback' | 'tools';
  /** reason 'delay': the time at which the engine completes the step; for a duration, timeoutMs. */
  wakeAt?: Date;
  /** reason 'task'. */
  task?: TaskRequest;
  /** reason 'signal'. */
  signalName?: string;
  /** reason 'queue': the work queue whose next item completes the step. */
  workQueueId?: string;
  /** reason 'callback': the longest time between two heartbeats. */
  heartbeatTimeoutMs?: number;
  /** After this time a delay completes; any other wait takes its 'timeout' handle. */
  timeoutMs?: number;
  /** reason 'child'. */
  child?: {
    workflow: string;
    input: unknown;
    wait: boolean;
    parent_close_policy?: string | undefined;
  };
  /** reason 'items': the engine creates a step run for each item, `concurrency` at a time. */
  items?: unknown[];
  concurrency?: number;
}

export type StepResult = Completed | Waiting;

export interface StepHandler<Type extends StepType = StepType, Config = z.output<Type['config']>> {
  /** The descriptor of the type, which the database and clients use too. */
  readonly stepType: Type;
  /** Checks the config after its templates were resolved; stepType.config by default. */
  readonly schema?: z.ZodType<Config>;
  run(config: Config, ctx: StepContext): Promise<StepResult>;
}
