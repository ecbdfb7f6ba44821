// The calls of the test kit.

import type { Run, RunEvent, StepRun } from '../../sdk/src/index.ts';
import type { RunOutput, Workflow } from '../../sdk/src/workflow/index.ts';

/** What a mock learns about the attempt that it answers. */
export interface MockCall<Config = Record<string, unknown>> {
  /** The id of the run. */
  runId: string;
  /** The name of the workflow. */
  workflow: string;
  /** The id of the step. */
  step: string;
  /** The step type. */
  type: string;
  /** Counts from 1. */
  attempt: number;
  /** Of a for_each; counts from 0. */
  itemIndex: number;
  /** The item of a for_each. */
  item: unknown;
  /** Whether the call is the compensation of the step. */
  isCompensation: boolean;
  /** With its templates filled in; secrets stand in it by their names. */
  config: Config;
  /** The same for all attempts of the step. */
  idempotencyKey: string;
}

/** Returns the output of the step, or a failure(…), which may also be thrown. */
export type Mock<Config = Record<string, unknown>> = (
  call: MockCall<Config>,
) => unknown | Promise<unknown>;

/** A line that a handler wrote to `ctx.log`. */
export interface HandlerLine {
  /** The level of the line. */
  level: 'debug' | 'info' | 'warn' | 'error';
  /** The text. */
  message: string;
  /** The values beside the text. */
  data: object | undefined;
}

/** Which steps a mock answers: each condition must hold. */
export interface MockTarget {
  /** The id of the step. */
  step?: string | undefined;
  /** The name of the workflow. */
  workflow?: string | undefined;
  /** The step type, such as `http_request`. */
  type?: string | undefined;
}

/** The options of `failure`. */
export interface FailureOptions {
  /** The retry policy of the step applies; default: false. */
  retryable?: boolean | undefined;
  /** The shortest pause in milliseconds before the next attempt. */
  retryAfterMs?: number | undefined;
  /** Further facts of the error. */
  details?: unknown;
}

/** An error of a step. */
export interface Failure {
  /** A stable code. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
}

/** A definition as JSON. */
export interface WorkflowJson {
  /** The name by which runs are started. */
  kebab_name: string;
  /** The steps and edges. */
  definition: { nodes: readonly object[]; edges: readonly object[] };
  /** The name that people see. */
  name?: string | undefined;
  /** What the workflow is for. */
  description?: string | undefined;
  /** JSON Schema of the input of runs. */
  input_schema?: object | undefined;
  /** JSON Schema of the output of runs; it is not checked. */
  output_schema?: object | undefined;
}

/** Columns of `workflows`, which are not part of a definition. */
export interface WorkflowSettings {
  /** How long a run may take; default: an hour, as in production. */
  execution_timeout_seconds?: number | undefined;
}

/** The input of a workflow, as far as its type is known. */
export type InputOf<W> = W extends Workflow<infer Input> ? Input : unknown;

/** The output of its runs, as far as its type is known. */
export type OutputOf<W> = W extends Workflow ? RunOutput<W> : unknown;

/** A published workflow. */
export interface TestWorkflow<Input = unknown, Output = unknown> {
  /** The name of the workflow. */
  readonly name: string;
  /** Starts a run. It begins to work with the next call that waits. Rejects if the input violates its schema. */
  start(input?: Input, options?: StartOptions): Promise<TestRun<Output>>;
  /** As `kit.mock`, for the steps of this workflow only. */
  mock<Config = Record<string, unknown>>(step: string, mock: Mock<Config>): void;
}

/** The options of a start. */
export interface StartOptions {
  /** The same key returns the first run. */
  idempotencyKey?: string | undefined;
  /** Texts by which the run is found. */
  tags?: readonly string[] | undefined;
  /** The role of the member who starts the run; default: admin. */
  as?: string | undefined;
}

/** A schedule of a workflow, with the columns of `workflow_schedules`. */
export interface ScheduleSettings {
  /** Minute, hour, day, month and weekday. */
  cron_expression: string;
  /** An IANA name; default: UTC. */
  timezone?: string | undefined;
  /** The input of each run. */
  input?: object | undefined;
  /** What happens when the run before is still open; default: `allow`. */
  overlap_policy?: string | undefined;
}

/** A component, with columns of `components`. */
export interface ComponentSettings {
  /** The step type that runs it; default: service_task. */
  implementation_type?: string | undefined;
  /** JSON Schema of the input. */
  input_schema?: object | undefined;
  /** JSON Schema of the output. */
  output_schema?: object | undefined;
  /** How often a failed call is repeated. */
  retry_count?: number | undefined;
}

/** Who acts. */
export interface Actor {
  /** The role of the member who acts; default: admin, who may answer each task. */
  as?: string | undefined;
}

/** A task or an approval that waits. Its calls settle the run afterwards. */
export interface TestTask {
  /** Title, description, form … */
  readonly details: Readonly<Record<string, unknown>>;
  /** The roles that it is for; null: each member. */
  readonly roles: readonly string[] | null;
  /** Approves a wait_for_approval. */
  approve(options?: Actor & { comment?: string | undefined }): Promise<void>;
  /** Rejects a wait_for_approval. */
  reject(options?: Actor & { comment?: string | undefined }): Promise<void>;
  /** Completes a user_task with the data of its form. */
  complete(output?: object, options?: Actor): Promise<void>;
}

/** A run. What it tells is its state at the last call that waited. */
export interface TestRun<Output = unknown> {
  /** The id of the run. */
  readonly id: string;
  /** The name of the workflow. */
  readonly workflow: string;
  /** The status of the run. */
  readonly status: string;
  /** The row of the run. */
  readonly row: Run;
  /** All events of the run, in the order of `seq`. */
  readonly events: readonly RunEvent[];
  /** All attempts of all steps and items. */
  readonly steps: readonly StepRun[];
  /** The error of a run that has not completed. */
  readonly error: Failure | undefined;
  /** Resolves when nothing is left to do without time, a person or a signal. */
  settled(): Promise<this>;
  /**
   * Resolves when the run has ended; skips the time of delays, retries and deadlines. Rejects if the run waits for a
   * task or a signal without a deadline.
   */
  ended(): Promise<this>;
  /**
   * The steps in the order in which they ended, without skipped ones: `ship`, `ship!` if it failed, and
   * `~book` for its compensation.
   */
  path(): string[];
  /** The last attempt of a step; undefined if the run did not reach it. */
  step(id: string): StepRun | undefined;
  /** The output of a completed step. */
  output(step: string): unknown;
  /** The outputs of the end steps, by step id; undefined unless the run has completed. */
  result(): Output | undefined;
  /** A task or an approval that waits. */
  task(step: string): TestTask;
  /** What the run waits for: `task ask`, `delay pause`, `signal paid (wait)`. */
  waitsFor(): string[];
  /** Sends a signal and settles. */
  signal(name: string, payload?: unknown, options?: Actor): Promise<void>;
  /** Cancels the run and settles. */
  cancel(options?: Actor & { reason?: string | undefined }): Promise<void>;
  /** The runs that its child_workflow steps started. */
  children(): Promise<TestRun[]>;
}

/** A mail of Stepbase itself, such as the notification of a task. */
export interface TestMail {
  /** The name of the template, such as `task`. */
  template: string;
  /** The address. */
  recipient: string;
  /** The data of the template. */
  data: unknown;
}

/** A kit: a database with an application, and a worker whose steps mocks answer. */
export interface TestKit {
  /** The code of the application of the current test. */
  readonly app: string;
  /** The address of the database of this kit, as role postgres. */
  readonly databaseUrl: string;
  /** The mails that would have been sent. */
  readonly mails: readonly TestMail[];
  /** The messages that subscribed webhooks would have received. */
  readonly webhooks: readonly unknown[];
  /** Publishes a workflow of defineWorkflow or a definition as JSON. */
  workflow<W extends Workflow | WorkflowJson>(
    workflow: W,
    settings?: WorkflowSettings,
  ): Promise<TestWorkflow<InputOf<W>, OutputOf<W>>>;
  /** Starts a run of a published workflow. It begins to work with the next call that waits. */
  start(workflow: string, input?: unknown, options?: StartOptions): Promise<TestRun>;
  /** Answers a step in place of its type. The last matching mock counts. */
  mock<Config = Record<string, unknown>>(target: string | MockTarget, mock: Mock<Config>): void;
  /** The calls that a mock answered for a step, in their order. */
  calls(step: string): MockCall[];
  /** Moves the engine's clock by an interval such as `2 days`, or by milliseconds, from timer to timer. */
  skip(duration: string | number): Promise<void>;
  /** Emits an event, as `emit_event`, and settles. */
  emit(name: string, payload?: unknown): Promise<void>;
  /** Settles all runs. */
  settle(): Promise<void>;
  /** The run with this id. */
  run(id: string): Promise<TestRun>;
  /** All runs of a workflow, the oldest first, also those that an event, a schedule or a parent started. */
  runs(workflow: string): Promise<TestRun[]>;
  /** Creates a component, which a workflow may name then. A mock answers its calls. */
  component(name: string, settings?: ComponentSettings): Promise<void>;
  /** Creates a schedule; `skip` moves the clock to its times. */
  schedule(workflow: string, settings: ScheduleSettings): Promise<void>;
  /** The id of a member with this role, who is made if there is none; `developer:2` is another developer. */
  member(role: string): Promise<string>;
  /**
   * Runs the workflow as a recorded run went: services, children, persons and signals answer as they did. The mocks of
   * the test go first.
   */
  replay(
    workflow: Workflow | WorkflowJson,
    recording: Recording,
    options?: ReplayOptions,
  ): Promise<Replay>;
  /** Calls an RPC of Stepbase as a member and returns its rows. */
  rpc(name: string, args?: object, options?: Actor): Promise<Record<string, unknown>[]>;
  /** A new application without workflows, and no mocks: for the next test. */
  reset(): Promise<void>;
  /** Stops the worker and drops the database. Rejects if a step without a mock was not reported yet. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A run that has ended, as a fixture keeps it. */
export interface Recording {
  /** How the run was started and how it ended. */
  run: Pick<Run, 'status' | 'input' | 'error'>;
  /** All attempts of all steps and items, in the order of the attempts. */
  steps: Pick<
    StepRun,
    | 'step_id'
    | 'step_type'
    | 'item_index'
    | 'attempt'
    | 'status'
    | 'handle'
    | 'output'
    | 'error'
    | 'completed_at'
  >[];
}

/** `run(id)` of a client of the SDK. */
export interface RecordableRun {
  /** The row of the run. */
  get(): Promise<Run>;
  /** All attempts of all steps. */
  steps(): Promise<StepRun[]>;
}

/** The options of a replay. */
export interface ReplayOptions {
  /** Steps whose differences do not count, such as one that reads the time. */
  ignore?: readonly string[] | undefined;
}

/** What a replay led to. */
export interface Replay {
  /** The run of the replay. */
  run: TestRun;
  /** What differs from the recorded run, a sentence each. */
  differences: string[];
}

/** The options of a kit. */
export interface TestKitOptions {
  /** How long the runs may work until they rest, in milliseconds; default: 20,000. */
  deadlineMs?: number | undefined;
}

/** The output of an http_request step. */
export interface HttpOutput<Body = unknown> {
  /** The status of the answer. */
  status: number;
  /** The headers of the answer, by their names in lower case. */
  headers: Record<string, string>;
  /** The body; parsed if it is JSON. */
  body: Body;
}
