// Runs the maintenance of the engine every minute, as pg_cron does on a hosted project.

import pg from 'pg';

const INTERVAL_MS = 60_000;
const STATEMENT_MS = 50_000;

export interface Cron {
  /** Runs the maintenance now; resolves at its end. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

export function startCron(dbUrl: string, onError: (message: string) => void): Cron {
  const pool = new pg.Pool({
    connectionString: dbUrl,
    max: 1,
    application_name: 'cron',
    statement_timeout: STATEMENT_MS,
    idleTimeoutMillis: 10_000,
  });
  pool.on('error', () => undefined);
  let running: Promise<void> | undefined;

  const maintain = async (): Promise<void> => {
    try {
      const { rows } = await pool.query<{ there: boolean }>(
        "select to_regprocedure('stepbase_engine.maintain()') is not null as there",
      );
      if (rows[0]?.there) await pool.query('select stepbase_engine.maintain()');
    } catch (error) {
      onError(`cron: ${String(error)}`);
    }
  };
  const tick = (): Promise<void> => {
    // A tick during a running maintenance joins it.
    running ??= maintain().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void tick(), INTERVAL_MS);
  void tick();

  return {
    tick,
    stop: async () => {
      clearInterval(timer);
      await running;
      await pool.end();
    },
  };
}
