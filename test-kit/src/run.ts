// A run in a test: what it is at the last call that waited, and what a test does with it.

import type { Run, RunEvent, StepRun } from '../../sdk/src/index.ts';
import { hasEnded } from '../../sdk/src/rows.ts';
import type { Actor, Failure, TestRun, TestTask } from './api.ts';
import type { KitQueries, Row, TaskRow } from './database.ts';

/** What a run needs of its kit. */
export interface RunHost {
  readonly queries: KitQueries;
  /** Works until nothing is left, and reports the faults of mocks. */
  settle(): Promise<void>;
  /** Moves the clock to the next timer and settles; false without one. */
  skipToNext(): Promise<boolean>;
  /** Calls an RPC as a member and settles. */
  act(rpc: string, args: object, actor: Actor | undefined): Promise<void>;
  run(id: string): Promise<TestRun>;
  /** The time for `ended`, in milliseconds. */
  readonly deadlineMs: number;
}

interface State {
  row: Run & { workflow: string };
  steps: TaskRow[];
  events: RunEvent[];
}

export async function openRun(host: RunHost, id: string): Promise<TestRun> {
  return new KitRun(host, await readState(host.queries, id));
}

async function readState(queries: KitQueries, id: string): Promise<State> {
  const [row, steps, events] = await Promise.all([
    queries.readRun(id),
    queries.readSteps(id),
    queries.readEvents(id),
  ]);
  if (row === undefined) throw new Error(`there is no run ${id}`);
  return { row, steps, events };
}

/** Events that end a step, and how the path writes them. */
const ENDS: Readonly<Record<string, string>> = {
  'step.completed': '',
  'task.completed': '',
  'signal.received': '',
  'step.failed': '!',
};
const COMPENSATION = -1;

class KitRun implements TestRun {
  readonly #host: RunHost;
  #state: State;

  constructor(host: RunHost, state: State) {
    this.#host = host;
    this.#state = state;
  }

  get id(): string {
    return this.#state.row.id;
  }

  get workflow(): string {
    return this.#state.row.workflow;
  }

  get status(): string {
    return this.#state.row.status;
  }

  get row(): Run {
    return this.#state.row;
  }

  get events(): readonly RunEvent[] {
    return this.#state.events;
  }

  get steps(): readonly StepRun[] {
    return this.#state.steps;
  }

  get error(): Failure | undefined {
    return (this.row.error ?? undefined) as Failure | undefined;
  }

  async settled(): Promise<this> {
    await this.#host.settle();
    await this.#reload();
    return this;
  }

  async ended(): Promise<this> {
    const { deadlineMs } = this.#host;
    const deadline = performance.now() + deadlineMs;
    await this.settled();
    while (!hasEnded(this.status)) {
      if (performance.now() > deadline) {
        throw new Error(`${this.#name()} has not ended within ${deadlineMs} ms; ${this.#where()}`);
      }
      // The time limit of a run is no way to its end: it would hide a task that no one answered.
      const isTimed = await this.#host.queries.hasTimer(this.id);
      if (!isTimed || !(await this.#host.skipToNext())) {
        throw new Error(`${this.#name()} does not end by time alone; ${this.#where()}`);
      }
      await this.#reload();
    }
    return this;
  }

  path(): string[] {
    return this.#state.events.flatMap(({ type, step_id: step, item_index: item }) => {
      const end = ENDS[type];
      if (step === null || end === undefined) return [];
      if (item === COMPENSATION) return [`~${step}${end}`];
      return item === null || item === 0 ? [`${step}${end}`] : [];
    });
  }

  step(id: string): StepRun | undefined {
    return this.#state.steps.findLast((step) => step.step_id === id && step.item_index === 0);
  }

  output(id: string): unknown {
    const step = this.step(id);
    if (step?.status === 'completed') return step.output;
    const reached = step === undefined ? 'was not reached' : `is ${step.status}`;
    throw new Error(`the step ${id} ${reached}; the path of ${this.#name()}: ${this.#path()}`);
  }

  result(): unknown {
    return this.status === 'completed' ? this.row.output : undefined;
  }

  task(id: string): TestTask {
    const task = this.#waiting().find((step) => step.step_id === id && step.wait_kind === 'task');
    if (task === undefined) {
      throw new Error(`${this.#name()} has no open task ${id}; ${this.#where()}`);
    }
    const { id: step_run_id } = task;
    const decide = (approved: boolean, options: Actor & { comment?: string | undefined } = {}) =>
      this.#act('decide_approval', { step_run_id, approved, comment: options.comment }, options);
    return {
      details: task.task ?? {},
      roles: task.assigned_roles,
      approve: (options) => decide(true, options),
      reject: (options) => decide(false, options),
      complete: (output = {}, options) =>
        this.#act('complete_task', { step_run_id, output: JSON.stringify(output) }, options),
    };
  }

  waitsFor(): string[] {
    return this.#waiting().map(({ step_id: step, wait_kind: kind, signal_name: signal }) =>
      kind === 'signal' ? `signal ${signal} (${step})` : `${kind} ${step}`,
    );
  }

  async signal(name: string, payload: unknown = {}, options?: Actor): Promise<void> {
    const args: Row = { run_id: this.id, signal_name: name, payload: JSON.stringify(payload) };
    await this.#act('send_signal', args, options);
  }

  async cancel(options: Actor & { reason?: string | undefined } = {}): Promise<void> {
    await this.#act('cancel_run', { run_id: this.id, reason: options.reason }, options);
  }

  async children(): Promise<TestRun[]> {
    const ids = await this.#host.queries.children(this.id);
    return await Promise.all(ids.map((id) => this.#host.run(id)));
  }

  #waiting(): TaskRow[] {
    return this.#state.steps.filter(({ status }) => status === 'waiting');
  }

  async #act(rpc: string, args: object, actor: Actor | undefined): Promise<void> {
    await this.#host.act(rpc, args, actor);
    await this.#reload();
  }

  async #reload(): Promise<void> {
    this.#state = await readState(this.#host.queries, this.id);
  }

  #name(): string {
    return `the run of ${this.workflow}`;
  }

  #path(): string {
    return this.path().join(', ') || 'no step';
  }

  #where(): string {
    const waits = this.waitsFor().join(', ') || 'nothing';
    return `it is ${this.status} and waits for: ${waits}; its path: ${this.#path()}`;
  }
}
