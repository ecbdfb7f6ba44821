// Starts activities and timers for a run: holds them while the run is paused or about to continue as new, counts those
// that are open, and ends all of them together.

import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  isCancellation,
  scheduleActivity,
  scheduleLocalActivity,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { StepRecord } from '../records.ts';
import type { Journal } from './journal.ts';
import type { AttemptCall, AttemptPlan } from './plan.ts';
import { Turns } from './turns.ts';

/** A history of this length continues in a new one. Temporal warns at 10,240 events and ends a run at 51,200. */
const MAX_EVENTS = 10_000;
/** How long a worker may be silent before Temporal gives its activity to another one. */
const HEARTBEAT_MS = 20_000;
/** The same number of lost workers as in stepbase's own worker. */
const MAX_LOST_WORKERS = 5;
/** The limit of an attempt without one of its own. */
const ATTEMPT_TIMEOUT_MS = 300_000;
/** The activity itself keeps its time limit; this is for one that waits for its turn. */
const GRACE_MS = 600_000;

/** The work was ended together with all other work of the run. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

export class Scheduler {
  readonly #journal: Journal;
  #scope = new CancellationScope();
  #isStopped = false;
  #ignoresLength = false;
  #open = 0;
  isPaused = false;
  readonly turns = new Turns();
  readonly #maxEvents: number;

  constructor(journal: Journal, maxEvents = MAX_EVENTS) {
    this.#journal = journal;
    this.#maxEvents = maxEvents;
  }

  get isIdle(): boolean {
    return this.#open === 0;
  }

  /** The history is long: nothing new starts, and the run continues in a new one when it is idle. */
  get isFull(): boolean {
    if (this.#ignoresLength) return false;
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || historyLength >= this.#maxEvents;
  }

  /** Work that can be cancelled alone, beside its end with the run: the items of a list. */
  group(): CancellationScope {
    return new CancellationScope({ cancellable: true, parent: this.#scope });
  }

  /** Resolves when work may start. Throws Stopped when none will. */
  async #mayStart(group: CancellationScope): Promise<void> {
    const isOver = () => this.#isStopped || group.consideredCancelled;
    const isHeld = () => !isOver() && (this.isPaused || this.isFull);
    while (isHeld()) {
      await condition(() => !isHeld());
      await this.turns.next();
    }
    if (isOver()) throw new Stopped('the run starts no more steps');
  }

  async attempt(
    type: string,
    plan: AttemptPlan,
    makeCall: () => AttemptCall,
    group = this.#scope,
  ): Promise<StepRecord> {
    await this.#mayStart(group);
    const call = makeCall();
    this.#journal.write();
    this.#open += 1;
    try {
      if (!plan.isLocal)
        return await stoppable(group, () => this.turns.after(remote(type, plan, call)));
      // It is short, and is not cancelled: Temporal's SDK fails the task when it has ended meanwhile, but was not reported.
      const record = await CancellationScope.nonCancellable(() =>
        this.turns.after(local(type, plan, call), true),
      );
      if (group.consideredCancelled) throw new Stopped('the run has ended');
      return record;
    } finally {
      this.#open -= 1;
    }
  }

  async until(dueAt: number, group = this.#scope): Promise<void> {
    await this.#mayStart(group);
    // A timer also for a time that is over: whether it is may depend on what was reported together.
    const ms = Math.max(1, dueAt - Date.now());
    // An open timer does not keep the run from continuing as new: its due time is in the state.
    this.#journal.write();
    await stoppable(group, () => this.turns.after(sleep(ms)));
    await this.#mayStart(group);
  }

  /** From now on the run does not continue as new. */
  ignoreLength(): void {
    this.#ignoresLength = true;
  }

  /** Cancels what is open and lets nothing start; resolves when all of it has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.ignoreLength();
    this.#scope.cancel();
    await CancellationScope.nonCancellable(() => condition(() => this.#open === 0));
  }

  /** After `stop`: work may start again, for compensations. */
  restart(): void {
    this.#scope = new CancellationScope({ cancellable: false });
    this.#isStopped = false;
    this.isPaused = false;
  }
}

async function stoppable<T>(group: CancellationScope, work: () => Promise<T>): Promise<T> {
  try {
    return await group.run(work);
  } catch (error) {
    // Only the end of the run, or of the list, cancels; also a cancellation in Temporal's UI.
    throw isCancellation(error) ? new Stopped('the run has ended') : error;
  }
}

const limitOf = ({ timeoutMs = ATTEMPT_TIMEOUT_MS }: AttemptPlan) => timeoutMs + GRACE_MS;

function local(type: string, plan: AttemptPlan, call: AttemptCall): Promise<StepRecord> {
  return scheduleLocalActivity<StepRecord>(type, [call], {
    startToCloseTimeout: limitOf(plan),
    // A failure of the step is its result; this is a failure of the worker.
    retry: { initialInterval: 100, maximumAttempts: MAX_LOST_WORKERS },
  });
}

function remote(type: string, plan: AttemptPlan, call: AttemptCall): Promise<StepRecord> {
  const { node, item, attempt } = call;
  return scheduleActivity<StepRecord>(type, [call], {
    activityId: `${node}/${item === 0 ? '-' : item}/${attempt}`,
    startToCloseTimeout: limitOf(plan),
    heartbeatTimeout: HEARTBEAT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A failure of the step is not retryable for Temporal. What it repeats are attempts whose worker was lost.
    retry: { initialInterval: 100, maximumInterval: 1_000, maximumAttempts: MAX_LOST_WORKERS },
  });
}
