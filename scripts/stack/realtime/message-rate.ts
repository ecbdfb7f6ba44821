// The rate limit of messages of a hosted project: messages from the database above it are dropped, a client that sends
// above it loses its channel.

export class MessageRate {
  readonly #perSecond: number;
  readonly #now: () => number;
  #second = 0;
  #count = 0;

  constructor(perSecond: number, now: () => number = Date.now) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Counts messages; false if they exceed the limit of this second. */
  admits(messages = 1): boolean {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += messages;
    return this.#count <= this.#perSecond;
  }
}
