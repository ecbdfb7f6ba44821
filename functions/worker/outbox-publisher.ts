// Publishes outbox messages to Redis, at least once: a message is confirmed after it was published. No step
// waits for it. While Redis is away, messages stay in the outbox for a minute and are then confirmed
// unpublished: subscribers read the whole run again when they reconnect.

import type { OutboxMessage } from './engine/types.ts';
import type { NotifyRuns } from './run-notifier.ts';

/** Between two attempts while Redis is away. */
const PAUSE_MS = 5_000;
const DISCARD_AFTER_MS = 60_000;

export interface OutboxPublisherOptions {
  notify: NotifyRuns;
  confirm(outboxIds: readonly number[]): Promise<void>;
  /** Reads the outbox again. */
  relay(): void;
  later(ms: number, action: () => void): void;
  /** Resolves when no message is being published. */
  onIdle(): void;
  onError(message: string, error: unknown): void;
  /** Milliseconds that never go back. */
  now(): number;
}

export class OutboxPublisher {
  readonly #options: OutboxPublisherOptions;
  #isBusy = false;
  #hasMore = false;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #relayAt = Number.NEGATIVE_INFINITY;

  constructor(options: OutboxPublisherOptions) {
    this.#options = options;
  }

  /** A batch is being published; further messages wait until it is confirmed. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Publishes the messages that the relay returned, the oldest first; `full`: there may be more. */
  publish(messages: readonly OutboxMessage[], full: boolean): void {
    if (messages.length === 0) return;
    this.#hasMore = full || this.#isBusy;
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#publishAndConfirm(messages)
      .catch((error: unknown) => {
        const seconds = PAUSE_MS / 1_000;
        this.#options.onError(
          `outbox messages could not be published; retrying in ${seconds} s`,
          error,
        );
        this.#relayLater();
        return false;
      })
      .then((confirmedAny) => {
        this.#isBusy = false;
        if (confirmedAny && this.#hasMore) this.#options.relay();
        this.#options.onIdle();
      });
  }

  /** Resolves with whether any message was confirmed. */
  async #publishAndConfirm(messages: readonly OutboxMessage[]): Promise<boolean> {
    const accepted = await this.#notify(messages);
    const done = accepted ? messages : messages.filter(({ age_ms }) => age_ms >= DISCARD_AFTER_MS);
    if (done.length > 0) await this.#options.confirm(done.map(({ outbox_id }) => outbox_id));
    if (done.length < messages.length) this.#relayLater();
    return done.length > 0;
  }

  async #notify(messages: readonly OutboxMessage[]): Promise<boolean> {
    const { notify, now } = this.#options;
    if (now() < this.#pausedUntil) return false;
    const accepted = await notify(
      messages.map(({ run_id, event_type }) => ({ runId: run_id, event: event_type })),
    );
    if (!accepted) this.#pausedUntil = now() + PAUSE_MS;
    return accepted;
  }

  #relayLater(): void {
    const { now, later, relay } = this.#options;
    if (now() < this.#relayAt) return;
    this.#relayAt = now() + PAUSE_MS;
    later(PAUSE_MS, relay);
  }
}
