// Handing outbox messages over to Redis: one is confirmed when it was published, so each is published at
// least once. Nothing waits for it. While Redis is away the messages stay in the outbox, for a minute:
// who listens then has no stream any more, and reads everything anew when it stands again.

import type { OutboxMessage } from './engine/engine.ts';
import type { NotifyRuns } from './run-notifier.ts';

/** Between two attempts while Redis is away. */
const PAUSE_MS = 5_000;
const LET_GO_MS = 60_000;

export interface OutboxPublisherOptions {
  publish: NotifyRuns;
  confirm(outboxIds: readonly number[]): Promise<void>;
  /** Reads the outbox again. */
  relay(): void;
  later(ms: number, action: () => void): void;
  /** Nothing is under way any more. */
  idle(): void;
  onError(what: string, error: unknown): void;
  /** Milliseconds that never go back. */
  now(): number;
}

export interface OutboxPublisher {
  /** Takes what the relay found, the oldest first; `full` when there may be more. */
  take(messages: readonly OutboxMessage[], full: boolean): void;
  /** Messages are under way; others wait until they are confirmed. */
  readonly busy: boolean;
}

export function createOutboxPublisher(options: OutboxPublisherOptions): OutboxPublisher {
  const { now } = options;
  let busy = false;
  let more = false;
  let quietUntil = Number.NEGATIVE_INFINITY;
  let relayAt = Number.NEGATIVE_INFINITY;

  function retry(): void {
    if (now() < relayAt) return;
    relayAt = now() + PAUSE_MS;
    options.later(PAUSE_MS, options.relay);
  }

  async function published(messages: readonly OutboxMessage[]): Promise<boolean> {
    if (now() < quietUntil) return false;
    const heard = await options.publish(
      messages.map(({ run_id, event_type }) => ({ runId: run_id, event: event_type })),
    );
    if (!heard) quietUntil = now() + PAUSE_MS;
    return heard;
  }

  /** Resolves with whether any is done with. */
  async function hand(messages: readonly OutboxMessage[]): Promise<boolean> {
    const heard = await published(messages);
    const done = heard ? messages : messages.filter(({ age_ms }) => age_ms >= LET_GO_MS);
    if (done.length > 0) await options.confirm(done.map(({ outbox_id }) => outbox_id));
    if (done.length < messages.length) retry();
    return done.length > 0;
  }

  return {
    take(messages, full) {
      if (messages.length === 0) return;
      more = full || busy;
      if (busy) return;
      busy = true;
      void hand(messages)
        .catch((error: unknown) => {
          options.onError('hand over', error);
          retry();
          return false;
        })
        .then((moved) => {
          busy = false;
          if (moved && more) options.relay();
          options.idle();
        });
    },
    get busy() {
      return busy;
    },
  };
}
