// A job that runs beside the work for runs, at most once at a time.

export class SingleJob {
  readonly #run: () => Promise<void>;
  readonly #onIdle: () => void;
  #work: Promise<void> | undefined;
  #isWanted = false;

  /** `run` reports its errors itself. */
  constructor(run: () => Promise<void>, onIdle: () => void) {
    this.#run = run;
    this.#onIdle = onIdle;
  }

  get isBusy(): boolean {
    return this.#work !== undefined;
  }

  settled(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** During the job, a call is noted: what it found may be later than what the job has read, so the job runs once more. */
  start(): void {
    this.#isWanted = true;
    this.#work ??= this.#repeat();
  }

  /** The look at what is wanted and the end are one step: no call can be between them. */
  async #repeat(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#run();
    }
    this.#work = undefined;
    this.#onIdle();
  }
}
