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

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await undefined;
}

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;
  #progress = 0;

  /** The first turn is the start of the workflow. */
  constructor() {
    void this.#run();
  }

  /** Something happened in the current turn, which is not over. */
  progressed(): void {
    this.#progress += 1;
  }

  /** Resolves when it is the turn of the caller. */
  next(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#isRunning) void this.#run();
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

  async #run(): Promise<void> {
    this.#isRunning = true;
    await this.#quiet();
    for (let turn = this.#waiting.shift(); turn !== undefined; turn = this.#waiting.shift()) {
      turn();
      await this.#quiet();
    }
    this.#isRunning = false;
  }

  async #quiet(): Promise<void> {
    let seen: number;
    do {
      seen = this.#progress;
      await ticks(QUIET_TICKS);
    } while (seen !== this.#progress);
  }
}
