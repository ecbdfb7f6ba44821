// Makes the webhook deliveries that are due, beside the work for runs: a bounded number at a time, in turn for the
// applications. A receiver that does not answer uses one of the places of its application, never those of the others.
import type { AttemptResult, Delivery, DeliveryStore } from './queries.ts';
import type { Send } from './send.ts';

/** Deliveries at the same time; the database allows an application five of them. */
const MAX_IN_FLIGHT = 20;
const RETRY_MS = 1_000;

export interface WebhookOptions {
  store: DeliveryStore;
  send: Send;
}

export interface DeliveriesOptions extends WebhookOptions {
  acceptsWork(): boolean;
  later(ms: number, action: () => void): void;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #inFlight = new Set<Delivery>();
  readonly #work = new Set<Promise<void>>();
  #stop = new AbortController();
  #isClaiming = false;
  #isWanted = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#work.size > 0;
  }

  /** Deliveries may be due that no worker has claimed. */
  get hasPending(): boolean {
    return this.#isWanted;
  }

  /** Deliveries may be due. */
  start(): void {
    this.#isWanted = true;
    this.#pump();
  }

  /** Ends the attempts in flight; they are repeated. */
  cancel(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #pump(): void {
    if (!this.#isWanted || this.#isClaiming || !this.#options.acceptsWork()) return;
    if (this.#inFlight.size < MAX_IN_FLIGHT) this.#track(this.#claim());
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#work.delete(tracked);
      this.#pump();
      if (!this.isBusy) this.#options.onIdle();
    });
    this.#work.add(tracked);
  }

  async #claim(): Promise<void> {
    const { store, later, onError } = this.#options;
    this.#isWanted = false;
    this.#isClaiming = true;
    try {
      const busy = [...this.#inFlight].map(({ app_code }) => app_code);
      const claimed = await store.claim(busy, MAX_IN_FLIGHT - this.#inFlight.size);
      // There may be others.
      if (claimed.length > 0) this.#isWanted = true;
      for (const delivery of claimed) {
        this.#inFlight.add(delivery);
        this.#track(this.#deliver(delivery));
      }
    } catch (error) {
      onError('the webhook deliveries could not be claimed; retrying in 1 s', error);
      later(RETRY_MS, () => this.start());
    } finally {
      this.#isClaiming = false;
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { send, store, onError } = this.#options;
    try {
      const result: AttemptResult = await send(delivery, this.#stop.signal);
      await store.record(delivery, result);
    } catch (error) {
      onError(
        `the result of webhook delivery ${delivery.id} was not recorded; it is repeated`,
        error,
      );
    } finally {
      this.#inFlight.delete(delivery);
      this.#isWanted = true;
    }
  }
}
