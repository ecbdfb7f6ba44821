// The relay: handles the messages of the outbox, beside the search for tokens. Each statement handles messages
// of one app, and apps take turns. After a failure the messages of that app are handled one by one, until the
// one that fails is quarantined; meanwhile the other apps go on.

import { isContentFault } from '../_shared/db/faults.ts';
import type { Engine } from './engine/engine.ts';
import type { OutboxPublisher } from './outbox-publisher.ts';
import type { EndedRun } from './tracing/tracer.ts';

/** Apps whose messages are handled at the same time. */
const LANES = 2;
const MAX_BATCH = 200;
const RETRY_MS = 1_000;

export interface RelayOptions {
  engine: Pick<Engine, 'readOutbox' | 'relayApp' | 'relayTraced' | 'recordRelayFailure'>;
  publisher: Pick<OutboxPublisher, 'publish'>;
  acceptsWork(): boolean;
  later(ms: number, action: () => void): void;
  /** Messages were handled: there may be new tokens, and runs that the backlog can admit. */
  onRelayed(): void;
  /** Exports the spans of runs that ended; undefined without traces. */
  onRunsEnded?: ((runs: readonly EndedRun[]) => void) | undefined;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class Relay {
  readonly #options: RelayOptions;
  /** Apps that wait for their turn, in order. */
  readonly #waiting: string[] = [];
  readonly #serving = new Set<string>();
  /** Apps of which a statement has failed, with the number of messages of their next statement. */
  readonly #suspects = new Map<string, number>();
  readonly #postponed = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  #isReading = false;
  #isWanted = false;
  #hasFailed = false;
  #after = '';

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#work.size > 0;
  }

  /** Messages may be left, apart from postponed ones. */
  get hasPending(): boolean {
    return this.#isWanted || this.#hasFailed || this.#waiting.length > 0;
  }

  /** The worker runs again: its earlier timers are gone. */
  begin(): void {
    this.#postponed.clear();
  }

  /** There may be messages. */
  start(): void {
    this.#isWanted = true;
    this.#pump();
  }

  /** Resolves when no statement runs any more. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #pump(): void {
    if (!this.#options.acceptsWork()) {
      this.#waiting.length = 0;
      return;
    }
    if (this.#isWanted && !this.#isReading) this.#track(this.#read());
    while (this.#serving.size < LANES) {
      const app = this.#next();
      if (app === undefined) return;
      this.#serving.add(app);
      this.#track(this.#serve(app));
    }
  }

  /** The next app; of the suspects at most one at a time, because their statements may take long. */
  #next(): string | undefined {
    const isSuspect = (app: string) => this.#suspects.has(app);
    const hasSuspect = [...this.#serving].some(isSuspect);
    const index = this.#waiting.findIndex(
      (app) => !this.#serving.has(app) && !(hasSuspect && isSuspect(app)),
    );
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#work.delete(tracked);
      this.#pump();
      if (!this.isBusy) this.#options.onIdle();
    });
    this.#work.add(tracked);
  }

  async #read(): Promise<void> {
    const { engine, publisher, later, onError } = this.#options;
    this.#isWanted = false;
    this.#isReading = true;
    try {
      const { apps, messages, full } = await engine.readOutbox(this.#after);
      this.#hasFailed = false;
      for (const app of apps) {
        const isKnown = this.#waiting.includes(app) || this.#postponed.has(app);
        if (!isKnown) this.#waiting.push(app);
      }
      publisher.publish(messages, full);
    } catch (error) {
      this.#hasFailed = true;
      onError('the outbox could not be read; retrying in 1 s', error);
      later(RETRY_MS, () => this.start());
    } finally {
      this.#isReading = false;
    }
  }

  async #serve(app: string): Promise<void> {
    const { onRelayed } = this.#options;
    const limit = this.#suspects.get(app) ?? MAX_BATCH;
    try {
      this.#after = app;
      const count = await this.#relay(app, limit);
      if (count > 0) {
        this.#isWanted = true;
        onRelayed();
      }
      if (limit * 2 < MAX_BATCH) this.#suspects.set(app, limit * 2);
      else this.#suspects.delete(app);
    } catch (error) {
      await this.#recover(app, limit, error);
    } finally {
      this.#serving.delete(app);
    }
  }

  async #relay(app: string, limit: number): Promise<number> {
    const { engine, onRunsEnded } = this.#options;
    if (onRunsEnded === undefined) return await engine.relayApp(app, limit);
    const { count, runs } = await engine.relayTraced(app, limit);
    onRunsEnded(runs);
    return count;
  }

  async #recover(app: string, limit: number, error: unknown): Promise<void> {
    const { engine, onError } = this.#options;
    if (!isContentFault(error)) {
      this.#hasFailed = true;
      onError(`the messages of ${app} could not be relayed; retrying in 1 s`, error);
      return this.#postpone(app);
    }
    this.#suspects.set(app, 1);
    if (limit > 1) {
      onError(
        `the messages of ${app} could not be relayed together; relaying them one by one`,
        error,
      );
      this.#isWanted = true;
      return;
    }
    try {
      const quarantined = await engine.recordRelayFailure(app, String(error));
      if (quarantined === undefined) return this.#postpone(app);
      onError(`message ${quarantined} of ${app} is quarantined`, error);
      this.#isWanted = true;
    } catch (failure) {
      onError(`a failure of the relay of ${app} could not be recorded; retrying in 1 s`, failure);
      this.#postpone(app);
    }
  }

  #postpone(app: string): void {
    this.#postponed.add(app);
    // A search for messages may have added it while it was served.
    const place = this.#waiting.indexOf(app);
    if (place >= 0) this.#waiting.splice(place, 1);
    this.#options.later(RETRY_MS, () => {
      this.#postponed.delete(app);
      this.start();
    });
  }
}
