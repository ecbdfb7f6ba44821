// Wake-ups over LISTEN, where a direct connection exists: they save polling. Without the connection (a
// pooler, a restart of the database) the worker polls.

// @ts-types='npm:@types/pg'
import pg from 'pg';
import { type Clock, pause } from '../_shared/clock/clock.ts';
import { type BackOff, retry } from '../_shared/db/retry.ts';

export type Wakeup =
  | { kind: 'steps' | 'outbox' | 'admit' | 'due' }
  /** For the bridge to Temporal. */
  | { kind: 'temporal' }
  | { kind: 'cancel'; runId: string }
  /** A step was cancelled; its run continues. */
  | { kind: 'stop'; stepRunId: string }
  /** The connection is new: any wake-up may have been missed. */
  | { kind: 'everything' };

const RECONNECT: BackOff = { firstMs: 100, longestMs: 15_000 };

export interface ListenerOptions {
  connectionString: string;
  ssl?: { ca: string } | undefined;
  clock: Clock;
  onWakeup(wakeup: Wakeup): void;
  onError(message: string, error: unknown): void;
}

export class WakeupListener {
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  #client: pg.Client | undefined;
  #isConnected = false;

  /** Connects, and reconnects until it is stopped. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Whether wake-ups arrive; otherwise the worker has to poll more often. */
  get connected(): boolean {
    return this.#isConnected;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { clock, onError, onWakeup } = this.#options;
    const { signal } = this.#stop;
    if (signal.aborted) return;
    try {
      await retry(() => this.#open(), {
        clock,
        signal,
        attempts: Number.POSITIVE_INFINITY,
        backOff: RECONNECT,
        isRetryable: () => true,
        onRetry(error, attempt) {
          if (attempt === 2) onError('LISTEN failed; polling until it is connected again', error);
        },
      });
    } catch {
      // Stopped while it was retrying.
      return;
    }
    if (!signal.aborted) onWakeup({ kind: 'everything' });
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      ...(this.#options.ssl ? { ssl: this.#options.ssl } : {}),
      application_name: 'stepbase-worker-listen',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    this.#client = client;
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the server closed the connection')));
    client.on('notification', ({ payload = '' }) => {
      const wakeup = parseWakeup(payload);
      if (wakeup) this.#options.onWakeup(wakeup);
    });
    try {
      await client.connect();
      await client.query('listen stepbase');
      this.#isConnected = this.#client === client;
    } catch (error) {
      this.#discard(client);
      throw error;
    }
  }

  /** An established connection broke. */
  #lost(client: pg.Client, error: Error): void {
    if (this.#client !== client || !this.#isConnected || this.#stop.signal.aborted) return;
    this.#discard(client);
    this.#options.onError('the LISTEN connection broke; polling until it is back', error);
    void pause(this.#options.clock, RECONNECT.firstMs, this.#stop.signal).then(() =>
      this.#connect(),
    );
  }

  #discard(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#isConnected = false;
    this.#client = undefined;
    client.end().catch(() => undefined);
  }
}

export function parseWakeup(payload: string): Wakeup | undefined {
  switch (payload) {
    case 'steps':
    case 'outbox':
    case 'admit':
    case 'due':
    case 'temporal':
      return { kind: payload };
  }
  if (payload.startsWith('cancel:')) return { kind: 'cancel', runId: payload.slice(7) };
  if (payload.startsWith('stop:')) return { kind: 'stop', stepRunId: payload.slice(5) };
  return undefined;
}
