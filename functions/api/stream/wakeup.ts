// A doorbell for one stream: `wait` returns when it rings or when the time is over.
import type { Clock } from '../../_shared/clock/clock.ts';

export class Wakeup {
  readonly #clock: Clock;
  #rang = false;
  #open: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rang = true;
    this.#open?.();
  }

  /** A ring since the last wait counts, so none is missed between two waits. */
  async wait(ms: number): Promise<void> {
    if (!this.#rang && ms > 0) {
      await new Promise<void>((open) => {
        const cancel = this.#clock.after(ms, open);
        this.#open = () => {
          cancel();
          open();
        };
      });
      this.#open = undefined;
    }
    this.#rang = false;
  }
}
