// A job that runs beside the work for runs, at most once at a time.

export class SingleJob {
  readonly #run: () => Promise<void>;
  readonly #onIdle: () => void;
  #work: Promise<void> | undefined;

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

  /** Without effect while the job runs. */
  start(): void {
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      this.#onIdle();
    });
  }
}
