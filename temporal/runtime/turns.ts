// Turns: what has ended in Temporal (an activity, a timer, a signal) is followed up one after another, each until nothing
// more happens by it. So the commands of the workflow depend on the order in which things ended only. They must not depend
// on which of them Temporal's SDK reports together: a replay reports local activities together that it reported one by
// one before, and a query in between moves them, too. Without turns, two branches would race, and a replay would find
// their commands in another order than the history has them.

/** More microtasks than any step of the runtime needs between two calls of `progressed`. */
const QUIET_TICKS = 64;
/** scheduleLocalActivity() of Temporal's SDK needs these more than scheduleActivity() and sleep(). */
const LOCAL_TICKS = 2;
/** After all else that was reported together: the SDK of Temporal reports signals first, even those that came last. */
const SIGNAL_TICKS = 8;

/** What `then` of `settled` returns: no promise, because the SDK takes the stack of each new one for its stack traces. */
class Unobserved {
  constructor(executor: (resolve: () => void, reject: () => void) => void) {
    executor(
      () => {},
      () => {},
    );
  }
}

class Settled extends Promise<void> {
  static override get [Symbol.species](): PromiseConstructor {
    return Unobserved as unknown as PromiseConstructor;
  }
}

const settled = Settled.resolve();

/** As queueMicrotask, which the sandbox of workflows lacks. */
function enqueue(work: () => void): void {
  void settled.then(work);
}

/** Executes `work` after so many microtasks, as a loop over `await undefined` would. */
function afterTicks(count: number, work: () => void): void {
  if (count === 0) work();
  else enqueue(() => afterTicks(count - 1, work));
}

const ticks = (count: number): Promise<void> =>
  new Promise((resolve) => afterTicks(count, resolve));

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;
  #progress = 0;

  /** The first turn is the start of the workflow. */
  constructor() {
    this.#run();
  }

  /** Something happened in the current turn, which is not over. */
  progressed(): void {
    this.#progress += 1;
  }

  /** Resolves when it is the turn of the caller. */
  next(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#isRunning) this.#run();
    return turn;
  }

  /** As `ended`, in a turn of its own. `isLocal`: it is a local activity. */
  async after<T>(ended: Promise<T>, isLocal = false): Promise<T> {
    try {
      return await ended;
    } finally {
      if (!isLocal) await ticks(LOCAL_TICKS);
      await this.next();
    }
  }

  /** Executes `work` in a turn of its own. */
  async afterSignal(work: () => void): Promise<void> {
    await ticks(SIGNAL_TICKS);
    await this.next();
    work();
    this.progressed();
  }

  /** Begins the next turn when the current one is over. */
  #run(): void {
    this.#isRunning = true;
    const seen = this.#progress;
    afterTicks(QUIET_TICKS, () => {
      if (seen !== this.#progress) return this.#run();
      const turn = this.#waiting.shift();
      this.#isRunning = turn !== undefined;
      if (turn === undefined) return;
      turn();
      this.#run();
    });
  }
}
