// A doorbell: waiters go on when it rings, when their time is up, or when the stream is over.

export class Wakeup {
  #rang = false;
  #open: (() => void) | undefined;

  ring(): void {
    this.#rang = true;
    this.#open?.();
  }

  /** A ring since the last wait counts, so none is missed between two waits. */
  async wait(ms: number): Promise<void> {
    if (!this.#rang && ms > 0) {
      await new Promise<void>((open) => {
        const timer = setTimeout(open, ms);
        this.#open = () => {
          clearTimeout(timer);
          open();
        };
      });
      this.#open = undefined;
    }
    this.#rang = false;
  }
}
