// Follows a run over its private Realtime channel. A message tells which events a transaction wrote (seq_from to seq);
// they are read from the database. The seq of a run has no gaps, so events whose message was lost are read with them.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RealtimeChannel } from '@supabase/supabase-js';
import { z } from 'zod';
import type { Member } from './member.ts';

export interface WatchedEvent {
  seq: number;
  type: string;
  stepId: string | undefined;
  attempt: number | undefined;
  at: string;
  /** True if a message announced the event, false if it was found without one. */
  live: boolean;
}

const message = z.object({ seq_from: z.number(), seq: z.number() });

const endings: ReadonlySet<string> = new Set([
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.timed_out',
]);

const joinDeadlineMs = 15_000;
/** A loss of the last message is not followed by a gap, so the seq of the run is polled at this interval. */
const lookEveryMs = 2_000;
/** A message may arrive a moment before its rows are visible to others. */
const visibleDeadlineMs = 5_000;
const lookAgainMs = 25;

interface Waiter {
  matches: (event: WatchedEvent) => boolean;
  resolve: (event: WatchedEvent) => void;
  reject: (error: unknown) => void;
}

export class RunWatcher {
  readonly #member: Member;
  readonly #runId: string;
  readonly #tell: (event: WatchedEvent) => void;
  readonly #seen: WatchedEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  #last = 0;
  #work: Promise<void> = Promise.resolve();
  #channel: RealtimeChannel | undefined;
  #look: ReturnType<typeof setInterval> | undefined;

  constructor(member: Member, runId: string, tell: (event: WatchedEvent) => void) {
    this.#member = member;
    this.#runId = runId;
    this.#tell = tell;
  }

  /** Resolves when the channel is joined and earlier events have been read. */
  async join(): Promise<void> {
    const channel = this.#member.client.channel(`stepbase:run:${this.#runId}`, {
      config: { private: true },
    });
    this.#channel = channel;
    channel.on('broadcast', { event: 'run' }, ({ payload }) =>
      this.#enqueue(() => this.#receive(payload)),
    );
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the channel run:${this.#runId} was not joined in time`)),
        joinDeadlineMs,
      );
      channel.subscribe((status, error) => {
        // Reported again after every reconnect: messages may have been lost meanwhile.
        if (status === 'SUBSCRIBED') {
          clearTimeout(timer);
          this.#enqueue(() => this.#catchUp());
          resolve();
        } else if (status === 'CHANNEL_ERROR' && error !== undefined) {
          clearTimeout(timer);
          reject(new Error(`the channel run:${this.#runId} was refused: ${error.message}`));
        }
      });
    });
    await this.#work;
    this.#look = setInterval(() => this.#enqueue(() => this.#checkSeq()), lookEveryMs);
  }

  async leave(): Promise<void> {
    clearInterval(this.#look);
    this.#failAll(new Error('the watcher has left the channel'));
    if (this.#channel !== undefined) await this.#member.client.removeChannel(this.#channel);
    await this.#work;
  }

  /** The first matching event, received already or within the deadline. */
  async until(
    matches: (event: WatchedEvent) => boolean,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<WatchedEvent> {
    const seen = this.#seen.find(matches);
    if (seen !== undefined) return seen;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    let waiter: Waiter | undefined;
    const onAbort = (): void => waiter?.reject(bounded.reason);
    try {
      return await new Promise<WatchedEvent>((resolve, reject) => {
        waiter = { matches, resolve, reject };
        this.#waiters.add(waiter);
        bounded.addEventListener('abort', onAbort, { once: true });
        if (bounded.aborted) onAbort();
      });
    } finally {
      bounded.removeEventListener('abort', onAbort);
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  ended(deadlineMs: number, signal: AbortSignal): Promise<WatchedEvent> {
    return this.until((event) => endings.has(event.type), deadlineMs, signal);
  }

  /** One at a time: a message that arrives while a gap is being read waits for it. */
  #enqueue(work: () => void | Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#failAll(error));
  }

  async #receive(payload: unknown): Promise<void> {
    const { seq_from, seq } = message.parse(payload);
    const deadline = Date.now() + visibleDeadlineMs;
    while (this.#last < seq) {
      await this.#catchUp(seq_from);
      if (this.#last >= seq) return;
      if (Date.now() >= deadline) {
        throw new Error(
          `event ${this.#last + 1} of run ${this.#runId} was announced but cannot be read`,
        );
      }
      await sleep(lookAgainMs);
    }
  }

  async #checkSeq(): Promise<void> {
    const { event_seq } = await this.#member.run(this.#runId);
    if (event_seq > this.#last) await this.#catchUp();
  }

  /** Reads the events that are missing; those before `announcedFrom` were not announced. */
  async #catchUp(announcedFrom = Number.POSITIVE_INFINITY): Promise<void> {
    for (const row of await this.#member.eventsAfter(this.#runId, this.#last)) {
      this.#accept({
        seq: row.seq,
        type: row.event_type,
        stepId: row.step_id ?? undefined,
        attempt: row.attempt ?? undefined,
        at: row.created_at,
        live: row.seq >= announcedFrom,
      });
    }
  }

  #accept(event: WatchedEvent): void {
    if (event.seq !== this.#last + 1) {
      throw new Error(`event ${event.seq} of run ${this.#runId} does not follow ${this.#last}`);
    }
    this.#last = event.seq;
    this.#seen.push(event);
    this.#tell(event);
    for (const waiter of [...this.#waiters]) if (waiter.matches(event)) waiter.resolve(event);
  }

  #failAll(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }
}
