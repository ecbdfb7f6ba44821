// The producer: finds work. Wake-ups set signals; a round handles them in order (backlog, queue) and fetches as
// many tokens as there is room for. At most one round runs at a time. The relay and the timers run beside the
// rounds: a slow statement of theirs must not keep the worker from fetching.

import type { Claimer } from './claimer.ts';
import type { DueTimers } from './due-timers.ts';
import type { Engine, Token } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Wakeup } from './listener.ts';
import type { Relay } from './relay.ts';
import type { Reserve } from './shares.ts';
import type { Timers } from './timers.ts';

const MAX_FETCH = 100;
const RETRY_MS = 1_000;
/** How often a worker whose capacity is used looks for tokens of apps that are below their share. */
const RESERVE_MS = 250;
/** After it found tokens, the producer reads the queue again (stepbase_engine.create_tokens notifies a quiet queue only). */
const RECHECK_MS = [30, 300, 3_000];

export type Signal = 'timers' | 'outbox' | 'backlog' | 'queue';

export interface ProducerOptions {
  engine: Pick<Engine, 'admit'>;
  queue: Pick<TokenQueue, 'fetch'>;
  timers: Timers;
  lifecycle: Pick<Lifecycle, 'isRunning' | 'acceptsWork' | 'checkIdle'>;
  claimer: Pick<Claimer, 'start'>;
  relay: Pick<Relay, 'begin' | 'start' | 'settled' | 'isBusy' | 'hasPending'>;
  dueTimers: Pick<DueTimers, 'start' | 'settled' | 'isBusy' | 'hasFailed'>;
  /** How many more steps the worker can execute. */
  capacity(): number;
  /** How many more it can execute of the other apps while its capacity is used. */
  reserve(): Reserve;
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
  /** The timers have to be looked at for any reason, not only because the time of one has changed. */
  #isPoll = true;
  #isBusy = false;
  #hasFailed = false;
  #isReserveDue = false;
  #isReserveSet = false;
  #round = Promise.resolve();
  #rechecks: (() => void)[] = [];

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    const { relay, dueTimers } = this.#options;
    return this.#isBusy || relay.isBusy || dueTimers.isBusy;
  }

  /** Something is left for a later round, apart from timers, or the last round failed. */
  get hasPending(): boolean {
    const { relay, dueTimers } = this.#options;
    const hasSignal = this.#has('queue') || this.#has('outbox') || this.#has('backlog');
    return this.#hasFailed || hasSignal || relay.hasPending || dueTimers.hasFailed;
  }

  /** The worker runs again: its earlier timers are gone. */
  begin(): void {
    this.#isReserveSet = false;
    this.#isPoll = true;
    this.#options.relay.begin();
  }

  /** Resolves when the current round has ended, and what runs beside it. */
  async settled(): Promise<void> {
    const { relay, dueTimers } = this.#options;
    await Promise.all([this.#round, relay.settled(), dueTimers.settled()]);
  }

  signal(...signals: Signal[]): void {
    for (const signal of signals) this.#signals.add(signal);
  }

  wake({ kind }: Wakeup): void {
    const all = kind === 'everything';
    if (all) this.#isPoll = true;
    if (all || kind === 'steps') this.signal('queue');
    if (all || kind === 'outbox') this.signal('outbox');
    if (all || kind === 'admit') this.signal('backlog');
    if (all || kind === 'due') this.signal('timers');
    // A slot that is being freed is visible only after the commit, and at that time the run may not have been in
    // the backlog yet.
    if (kind === 'admit') this.#recheck();
    this.produce();
  }

  /** The relay or a timer has made work. */
  noteFound(...signals: Signal[]): void {
    this.signal(...signals);
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
      this.#setReserve();
      if (lifecycle.acceptsWork && this.#room() > 0 && this.#signals.size > 0) this.produce();
      else lifecycle.checkIdle();
    });
  }

  async #runRound(): Promise<void> {
    const { lifecycle, timers, relay, dueTimers, onError } = this.#options;
    if (!lifecycle.acceptsWork) return;
    this.#hasFailed = false;
    if (this.#take('timers')) {
      dueTimers.start(this.#isPoll);
      this.#isPoll = false;
    }
    if (this.#take('outbox')) {
      this.#isUnrelayed = false;
      relay.start();
    }
    try {
      if (this.#has('backlog')) await this.#admit();
      await this.#fetch();
      await this.#fetchOfOthers();
    } catch (error) {
      onError('the search for work failed; retrying in 1 s', error);
      this.#hasFailed = true;
      this.#signals.clear();
      timers.later(RETRY_MS, () => this.wake({ kind: 'everything' }));
    }
  }

  async #admit(): Promise<void> {
    this.#take('backlog');
    const { admitted, hasBacklog } = await this.#options.engine.admit();
    this.#hasBacklog = hasBacklog;
    if (admitted > 0) this.signal('queue');
  }

  async #fetch(): Promise<void> {
    const { lifecycle, queue } = this.#options;
    while (this.#has('queue') && lifecycle.acceptsWork && this.#room() > 0) {
      const limit = this.#room();
      this.#take('queue');
      const tokens = await queue.fetch(limit);
      if (tokens.length === 0) return;
      // Only set, never cleared: a signal that arrived during the fetch has to stay.
      if (tokens.length === limit) this.signal('queue');
      await this.#start(tokens);
    }
  }

  async #start(tokens: readonly Token[]): Promise<void> {
    const { lifecycle, claimer, abandon } = this.#options;
    if (!lifecycle.isRunning) return abandon(tokens);
    this.#recheck();
    await claimer.start(tokens);
    if (this.#hasBacklog || tokens.some((token) => token.hasBacklog)) await this.#admit();
  }

  /** While some apps use the capacity, a part of it beyond that is for tokens of the other apps. */
  async #fetchOfOthers(): Promise<void> {
    const { lifecycle, queue, reserve } = this.#options;
    if (!this.#isReserveDue || !lifecycle.acceptsWork) return;
    this.#isReserveDue = false;
    const { room, exceptApps } = reserve();
    if (this.#room() > 0 || room <= 0 || exceptApps.length === 0) return;
    const tokens = await queue.fetch(Math.min(room, MAX_FETCH), exceptApps);
    if (tokens.length > 0) await this.#start(tokens);
  }

  #setReserve(): void {
    if (this.#isReserveSet || this.#room() > 0 || this.#options.reserve().exceptApps.length === 0) {
      return;
    }
    this.#isReserveSet = true;
    this.#options.timers.later(RESERVE_MS, () => {
      this.#isReserveSet = false;
      this.#isReserveDue = true;
      this.produce();
    });
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
