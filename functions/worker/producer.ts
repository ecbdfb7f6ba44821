// The producer: finds work. Wake-ups set signals; a round handles them in order (timers, outbox, backlog,
// queue) and fetches as many tokens as there is room for. At most one round runs at a time.

import type { Claimer } from './claimer.ts';
import type { Engine, Token } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Wakeup } from './listener.ts';
import type { OutboxPublisher } from './outbox-publisher.ts';
import { runSchedules } from './schedules.ts';
import type { Timers } from './timers.ts';

const MAX_FETCH = 100;
const RETRY_MS = 1_000;
/** After it found tokens, the producer reads the queue again (stepbase_engine.create_tokens notifies a quiet queue only). */
const RECHECK_MS = [30, 300, 3_000];
/** Bounds of the timer for the next due time; the poll covers longer times. */
const MIN_DUE_MS = 5;
const MAX_DUE_MS = 60_000;

export type Signal = 'timers' | 'outbox' | 'backlog' | 'queue';

export interface ProducerOptions {
  engine: Pick<Engine, 'wake' | 'relay' | 'admit' | 'dueSchedules' | 'fireSchedules'>;
  queue: Pick<TokenQueue, 'fetch'>;
  timers: Timers;
  lifecycle: Pick<Lifecycle, 'isRunning' | 'acceptsWork' | 'checkIdle'>;
  claimer: Pick<Claimer, 'start'>;
  publisher: Pick<OutboxPublisher, 'publish'>;
  /** How many more steps the worker can execute. */
  capacity(): number;
  abandon(tokens: readonly Token[]): void;
  onError(message: string, error: unknown): void;
}

export class Producer {
  readonly #options: ProducerOptions;
  /** What is to be looked at; a new worker looks at everything. */
  readonly #signals = new Set<Signal>(['timers', 'outbox', 'backlog', 'queue']);
  /** Runs wait for room in the queue: some are admitted whenever tokens were taken from it. */
  #hasBacklog = false;
  /** Steps were written since the last relay; they may have left messages. */
  #isUnrelayed = false;
  #isBusy = false;
  #hasFailed = false;
  #round = Promise.resolve();
  #rechecks: (() => void)[] = [];
  #cancelDue = () => {};

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Something is left for a later round, apart from timers, or the last round failed. */
  get hasPending(): boolean {
    return this.#hasFailed || this.#has('queue') || this.#has('outbox') || this.#has('backlog');
  }

  /** Resolves when the current round has ended. */
  settled(): Promise<void> {
    return this.#round;
  }

  signal(...signals: Signal[]): void {
    for (const signal of signals) this.#signals.add(signal);
  }

  wake({ kind }: Wakeup): void {
    const all = kind === 'everything';
    if (all || kind === 'steps') this.signal('queue');
    if (all || kind === 'outbox') this.signal('outbox');
    if (all || kind === 'admit') this.signal('backlog');
    if (all || kind === 'due') this.signal('timers');
    // A slot that is being freed is visible only after the commit, and at that time the run may not have been in
    // the backlog yet.
    if (kind === 'admit') this.#recheck();
    this.produce();
  }

  /** Steps were written: there may be messages to relay, and there is room for more tokens. */
  noteWritten(): void {
    this.#isUnrelayed = true;
    this.produce();
  }

  /** Before an invocation ends, it relays the messages of its last steps; false when there are none. */
  relayLast(): boolean {
    if (!this.#isUnrelayed) return false;
    this.#isUnrelayed = false;
    this.signal('outbox', 'backlog');
    this.produce();
    return true;
  }

  /** Starts a round, unless one is running: that one starts the next. */
  produce(): void {
    const { lifecycle } = this.#options;
    if (this.#isBusy) return;
    if (!lifecycle.isRunning) {
      lifecycle.checkIdle();
      return;
    }
    this.#isBusy = true;
    this.#round = this.#runRound().finally(() => {
      this.#isBusy = false;
      if (lifecycle.acceptsWork && this.#room() > 0 && this.#signals.size > 0) this.produce();
      else lifecycle.checkIdle();
    });
  }

  async #runRound(): Promise<void> {
    const { lifecycle, timers, onError } = this.#options;
    if (!lifecycle.acceptsWork) return;
    this.#hasFailed = false;
    try {
      if (this.#take('timers')) await this.#fireTimers();
      if (this.#take('outbox')) await this.#relay();
      if (this.#has('backlog')) await this.#admit();
      await this.#fetch();
    } catch (error) {
      onError('the search for work failed; retrying in 1 s', error);
      this.#hasFailed = true;
      this.#signals.clear();
      timers.later(RETRY_MS, () => this.wake({ kind: 'everything' }));
    }
  }

  async #fireTimers(): Promise<void> {
    const { engine } = this.#options;
    const next = await engine.wake();
    this.#wakeIn(next.inMs);
    if (!next.schedules) return;
    await runSchedules(engine);
    this.signal('timers', 'outbox', 'backlog');
  }

  #wakeIn(dueInMs: number | undefined): void {
    this.#cancelDue();
    if (dueInMs === undefined) return;
    const ms = Math.min(Math.max(dueInMs, MIN_DUE_MS), MAX_DUE_MS);
    this.#cancelDue = this.#options.timers.later(ms, () => this.wake({ kind: 'due' }));
  }

  async #relay(): Promise<void> {
    const { engine, publisher } = this.#options;
    this.#isUnrelayed = false;
    const { messages, more, full } = await engine.relay();
    if (more) this.signal('outbox', 'backlog');
    publisher.publish(messages, full);
    this.signal('queue');
  }

  async #admit(): Promise<void> {
    this.#take('backlog');
    const { admitted, hasBacklog } = await this.#options.engine.admit();
    this.#hasBacklog = hasBacklog;
    if (admitted > 0) this.signal('queue');
  }

  async #fetch(): Promise<void> {
    const { lifecycle, queue, claimer, abandon } = this.#options;
    while (this.#has('queue') && lifecycle.acceptsWork && this.#room() > 0) {
      const limit = this.#room();
      this.#take('queue');
      const tokens = await queue.fetch(limit);
      if (tokens.length === 0) return;
      if (!lifecycle.isRunning) return abandon(tokens);
      // Only set, never cleared: a signal that arrived during the fetch has to stay.
      if (tokens.length === limit) this.signal('queue');
      this.#recheck();
      await claimer.start(tokens);
      if (this.#hasBacklog || tokens.some((token) => token.hasBacklog)) await this.#admit();
    }
  }

  /** While the queue was read, another transaction may have added a token or a run without a notification. */
  #recheck(): void {
    for (const cancel of this.#rechecks) cancel();
    this.#rechecks = RECHECK_MS.map((ms) =>
      this.#options.timers.later(ms, () => {
        this.signal('backlog');
        this.wake({ kind: 'steps' });
      }),
    );
  }

  #room(): number {
    return Math.min(this.#options.capacity(), MAX_FETCH);
  }

  #has(signal: Signal): boolean {
    return this.#signals.has(signal);
  }

  #take(signal: Signal): boolean {
    return this.#signals.delete(signal);
  }
}
