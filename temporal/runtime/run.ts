// A run: its steps with their progress, the edges between them, and its end. Compiled workflows are written with it.

import type { Command, Json, StartArgs } from '../records.ts';
import { Decisions } from './commands.ts';
import { Journal } from './journal.ts';
import { fitting } from './payloads.ts';
import type { AttemptPlan, Ending, Progress, RunState, StepEnd, StepPlan } from './plan.ts';
import { Scheduler } from './scheduler.ts';
import { performStep } from './step.ts';

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export class Run {
  readonly args: StartArgs;
  readonly journal = new Journal();
  readonly decisions = new Decisions();
  readonly scheduler: Scheduler;
  readonly state: RunState;
  readonly #ends = new Map<string, Deferred<StepEnd>>();
  readonly #ending = deferred<Ending>();

  constructor(args: StartArgs, options: { maxEvents?: number } = {}) {
    this.args = args;
    this.scheduler = new Scheduler(this.journal, options.maxEvents);
    const { early = [], ...state } = (args.state ?? {}) as Partial<SavedState>;
    this.state = { steps: {}, lastCommand: 0, isPaused: false, ...state };
    this.scheduler.isPaused = this.state.isPaused;
    for (const decision of early) this.decisions.add(decision);
    for (const { node, status, output, error, handle, is_compensable } of args.taken ?? []) {
      this.state.steps[`${node}/0`] ??= {
        attempt: 1,
        isTaken: is_compensable !== true,
        end:
          status === 'skipped'
            ? { status }
            : {
                status,
                output: status === 'failed' ? { error: { ...error } as Json } : (output as Json),
                ...(handle === undefined ? {} : { handle }),
              },
      };
    }
  }

  get ending(): Promise<Ending> {
    return this.#ending.promise;
  }

  /** The first ending counts. */
  endWith(ending: Ending): void {
    this.state.ending ??= ending;
    this.scheduler.turns.progressed();
    this.#ending.resolve(this.state.ending);
  }

  obey(command: Command): void {
    if (command.id <= this.state.lastCommand) return;
    this.state.lastCommand = command.id;
    if (command.kind === 'resolve' || command.kind === 'reject') this.decisions.add(command);
    else if (command.kind === 'end') {
      this.endWith({ ...command, compensates: command.compensate });
    } else {
      this.state.isPaused = command.kind === 'pause';
      this.scheduler.isPaused = this.state.isPaused;
    }
  }

  progress(node: string, item: number): Progress {
    this.scheduler.turns.progressed();
    const name = `${node}/${item}`;
    this.state.steps[name] ??= { attempt: 1 };
    return this.state.steps[name];
  }

  /** Whether the edge from `source` is taken; resolves when its source has ended. */
  async edge(source: string, handle?: string): Promise<boolean> {
    const end = await this.#endOf(source).promise;
    this.scheduler.turns.progressed();
    if (end.status === 'skipped') return false;
    const fits = handle === end.handle;
    return end.status === 'completed' ? handle === undefined || fits : fits;
  }

  /** Executes the step with all its attempts. */
  step(node: string, plan: StepPlan): Promise<void> {
    return this.#finish(node, () => performStep(this, node, plan));
  }

  /** Executes `element` for each element of the list that the step gives. */
  forEach(node: string, plan: StepPlan, element: AttemptPlan): Promise<void> {
    return this.#finish(node, () => performStep(this, node, plan, element));
  }

  skip(node: string): void {
    this.progress(node, 0).end ??= { status: 'skipped' };
    this.#endOf(node).resolve({ status: 'skipped' });
  }

  async #finish(node: string, perform: () => Promise<StepEnd>): Promise<void> {
    const progress = this.progress(node, 0);
    progress.end ??= await perform();
    this.#endOf(node).resolve(progress.end);
  }

  #endOf(node: string): Deferred<StepEnd> {
    const found = this.#ends.get(node) ?? deferred<StepEnd>();
    this.#ends.set(node, found);
    return found;
  }

  /** The outputs that a step reads, by node. */
  outputs(reads: AttemptPlan['reads'] = []): Record<string, Json> {
    const found: Record<string, Json> = {};
    for (const [name, { end }] of Object.entries(this.state.steps)) {
      if (end === undefined || end.status === 'skipped' || !name.endsWith('/0')) continue;
      const node = name.slice(0, -2);
      if (reads === 'all' || reads.includes(node)) found[node] = end.output;
    }
    return found;
  }

  /** The argument of the workflow that continues this one, with the outputs of the nodes `read`, in `most` characters. */
  continued(read: readonly string[] | undefined, most: number): StartArgs {
    const { steps } = this.state;
    // The items of a list that has ended are in its output.
    const needed = Object.entries(steps).filter(
      ([name]) => Number(name.slice(name.lastIndexOf('/') + 1)) <= 0 || !hasEnded(steps, name),
    );
    const kept = Object.fromEntries(
      needed.map(([name, progress]) => [name, withoutUnread(name, progress, read)]),
    );
    const argsOf = (saved: SavedState['steps']): StartArgs => {
      const state: SavedState = { ...this.state, steps: saved, early: this.decisions.early };
      return { ...this.args, taken: [], state: state as unknown as Json };
    };
    const outputs = outputsOf(kept);
    const others = JSON.stringify(argsOf(kept)).length - JSON.stringify(outputs).length;
    return argsOf(withOutputs(kept, fitting(outputs, most - others)));
  }
}

function withoutUnread(name: string, progress: Progress, read?: readonly string[]): Progress {
  const { end } = progress;
  if (read === undefined || !name.endsWith('/0') || read.includes(name.slice(0, -2)))
    return progress;
  if (end === undefined || end.status === 'skipped') return progress;
  return { ...progress, end: { ...end, output: null } };
}

function outputsOf(steps: RunState['steps']): Record<string, Json> {
  const ends = Object.entries(steps).map(([name, { end }]) => [name, end] as const);
  return Object.fromEntries(
    ends.flatMap(([name, end]) =>
      end === undefined || end.status === 'skipped' ? [] : [[name, end.output]],
    ),
  );
}

const withOutputs = (steps: RunState['steps'], outputs: Record<string, Json>): RunState['steps'] =>
  Object.fromEntries(
    Object.entries(steps).map(([name, progress]) => {
      const { end } = progress;
      if (end === undefined || end.status === 'skipped') return [name, progress];
      return [name, { ...progress, end: { ...end, output: outputs[name] ?? null } }];
    }),
  );

const hasEnded = (steps: RunState['steps'], item: string): boolean =>
  steps[`${item.slice(0, item.lastIndexOf('/'))}/0`]?.end !== undefined;

interface SavedState extends RunState {
  early: Extract<Command, { kind: 'resolve' | 'reject' }>[];
}

/** `all`: every edge is resolved, and one was taken. */
export async function all(...edges: Promise<boolean>[]): Promise<boolean> {
  return (await Promise.all(edges)).includes(true);
}

/** `any`: the first edge that was taken; false when none is. */
export function any(...edges: Promise<boolean>[]): Promise<boolean> {
  return new Promise((resolve) => {
    for (const edge of edges) void edge.then((taken) => taken && resolve(true));
    void Promise.all(edges).then(() => resolve(false));
  });
}
