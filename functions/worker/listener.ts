// Wake-ups over LISTEN: a hint that saves polling where a direct connection exists. Losing it (a
// pooler, a restart of the database) only makes the worker fall back to its poll interval.

import pg from 'pg';

export type Wakeup =
  | { kind: 'steps' | 'outbox' | 'admit' | 'due' }
  | { kind: 'cancel'; runId: string }
  /** A step was cancelled, though its run goes on. */
  | { kind: 'stop'; stepRunId: string }
  /** The connection is back: anything may have been missed. */
  | { kind: 'everything' };

export interface WakeupListener {
  /** Whether hints arrive; otherwise the worker polls more often. */
  readonly connected: boolean;
  stop(): Promise<void>;
}

const RECONNECT_MS = [100, 500, 1_000, 5_000, 15_000];

export function listen(
  connectionString: string,
  onWakeup: (wakeup: Wakeup) => void,
  onError: (error: unknown) => void,
): WakeupListener {
  let client: pg.Client | undefined;
  let connected = false;
  let stopped = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function parse(payload: string): Wakeup | undefined {
    switch (payload) {
      case 'steps':
      case 'outbox':
      case 'admit':
      case 'due':
        return { kind: payload };
    }
    if (payload.startsWith('cancel:')) return { kind: 'cancel', runId: payload.slice(7) };
    if (payload.startsWith('stop:')) return { kind: 'stop', stepRunId: payload.slice(5) };
    return undefined;
  }

  function lost(error: unknown): void {
    if (stopped || timer) return;
    connected = false;
    client?.end().catch(() => undefined);
    client = undefined;
    if (failures === 0) onError(error);
    const delay = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)];
    failures += 1;
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, delay);
  }

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString,
      application_name: 'stepbase-worker-listen',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    client = next;
    next.on('error', lost);
    next.on('end', () => lost(new Error('the LISTEN connection ended')));
    next.on('notification', (message) => {
      const wakeup = parse(message.payload ?? '');
      if (wakeup) onWakeup(wakeup);
    });
    try {
      await next.connect();
      await next.query('listen stepbase');
      connected = true;
      failures = 0;
      onWakeup({ kind: 'everything' });
    } catch (error) {
      lost(error);
    }
  }

  void connect();
  return {
    get connected() {
      return connected;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
