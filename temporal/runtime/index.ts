// What compiled workflows import: a run with its steps and edges, and `runGraph`, which executes its nodes.

import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setHandler,
} from '@temporalio/workflow';
import { COMMAND_SIGNAL, type Command, type StartArgs } from '../records.ts';
import type { AttemptPlan, Ending, RunState } from './plan.ts';
import { Run } from './run.ts';
import { Stopped } from './scheduler.ts';
import { performCompensation } from './step.ts';

export type { StartArgs } from '../records.ts';
export { all, any, type Run } from './run.ts';

/** A node of the graph: waits for its edges and executes or skips its step. */
export type Node = (run: Run) => Promise<void>;

export interface Compensation {
  node: string;
  plan: AttemptPlan;
}

export interface GraphOptions {
  /** In the order of the graph. */
  compensations?: readonly Compensation[];
  /** The nodes whose outputs steps read: a new history gets only these. Undefined: all. */
  read?: readonly string[];
  /** A longer history continues in a new one. */
  maxEvents?: number;
}

/** For Temporal's UI and tests: the progress of every step. */
const progressQuery = defineQuery<RunState>('stepbase_progress');
/** Temporal refuses an argument of 2 MB. A character has at most three bytes. */
const MAX_STATE_CHARS = 600_000;

const commandSignal = defineSignal<[Command]>(COMMAND_SIGNAL);

/** Executes the nodes, which wait for each other, until all have ended or the run ends before. */
export async function runGraph(
  args: StartArgs,
  nodes: readonly Node[],
  options: GraphOptions = {},
): Promise<void> {
  const run = new Run(args, options);
  setHandler(commandSignal, (command) => {
    void run.scheduler.turns.afterSignal(() => run.obey(command));
  });
  setHandler(progressQuery, () => run.state);
  endWhenCancelled(run);
  const ending = await Promise.race([
    finished(run, nodes),
    run.ending,
    continuation(run, options.read),
  ]);
  run.journal.write();
  if (ending === undefined) return;
  if ('run' in ending) return await continueAsNew<(start: StartArgs) => Promise<void>>(ending);
  await CancellationScope.nonCancellable(() => end(run, ending, options.compensations ?? []));
}

/** The argument of the next history, when this one is full and nothing is open. */
async function continuation(run: Run, read: GraphOptions['read']): Promise<StartArgs> {
  await condition(() => run.scheduler.isFull && run.scheduler.isIdle);
  const args = run.continued(read, MAX_STATE_CHARS);
  if (JSON.stringify(args).length <= MAX_STATE_CHARS) return args;
  // Temporal refuses the argument. The history grows to Temporal's own limit instead.
  run.scheduler.ignoreLength();
  return new Promise(() => {});
}

/** Someone cancelled the workflow in Temporal instead of the run in Stepbase. */
function endWhenCancelled(run: Run): void {
  const endIt = () => {
    const error = { code: 'cancelled', message: 'The workflow was cancelled in Temporal' };
    run.journal.add({ kind: 'ended', status: 'cancelled', error });
    run.endWith({ status: 'cancelled', error, compensates: true });
  };
  CancellationScope.current().cancelRequested.catch(() => run.scheduler.turns.afterSignal(endIt));
}

async function finished(run: Run, nodes: readonly Node[]): Promise<undefined> {
  await Promise.all(
    nodes.map((node) =>
      node(run).catch((error: unknown) => {
        // Its run ends: `run.ending` says why.
        if (error instanceof Stopped) return new Promise<void>(() => {});
        throw error;
      }),
    ),
  );
}

async function end(run: Run, ending: Ending, compensations: readonly Compensation[]) {
  await run.scheduler.stop();
  if (!ending.compensates) return;
  run.scheduler.restart();
  for (const { node, plan } of compensations.toReversed()) {
    const { end, isTaken } = run.progress(node, 0);
    // The result of another run is undone by that run.
    if (end?.status !== 'completed' || isTaken) continue;
    await performCompensation(run, node, plan);
  }
  run.journal.write();
}
