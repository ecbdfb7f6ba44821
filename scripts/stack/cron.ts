// Runs the maintenance of the engine every minute and its retention every ten seconds, as pg_cron does on a hosted
// project.

import { StackPool } from './postgres/close-pool.ts';

const INTERVAL_MS = 60_000;
const RETENTION_MS = 10_000;
const STATEMENT_MS = 50_000;

export interface Cron {
  /** Runs the maintenance now; resolves at its end. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

export function startCron(dbUrl: string, onError: (message: string) => void): Cron {
  const pool = new StackPool({
    connectionString: dbUrl,
    max: 1,
    application_name: 'cron',
    statement_timeout: STATEMENT_MS,
    // Longer than the interval of the retention: it reuses its connection.
    idleTimeoutMillis: 30_000,
  });
  let stopping = false;
  let running: Promise<void> | undefined;

  const call = async (name: string): Promise<void> => {
    try {
      const { rows } = await pool.query<{ there: boolean }>(
        'select to_regprocedure($1) is not null as there',
        [name],
      );
      if (rows[0]?.there && !stopping) await pool.query(`select ${name}`);
    } catch (error) {
      if (!stopping) onError(`cron: ${String(error)}`);
    }
  };
  const tick = (): Promise<void> => {
    // A tick during a running maintenance joins it.
    running ??= call('stepbase_engine.maintain()').finally(() => {
      running = undefined;
    });
    return running;
  };
  let pruning = false;
  const prune = async (): Promise<void> => {
    if (pruning) return;
    pruning = true;
    await call('stepbase_engine.prune()');
    pruning = false;
  };
  const timers = [
    setInterval(() => void tick(), INTERVAL_MS),
    setInterval(() => void prune(), RETENTION_MS),
  ];
  void tick();

  return {
    tick,
    stop: async () => {
      stopping = true;
      for (const timer of timers) clearInterval(timer);
      await pool.stop();
    },
  };
}
