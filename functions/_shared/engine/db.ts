// The connection pool of a function: few connections, every statement its own transaction, nothing
// that depends on session state, so that it works through a transaction-mode pooler.

import pg from 'pg';

export interface DbOptions {
  connectionString: string;
  /** Connections this process may open. */
  max: number;
  applicationName: string;
  /** A statement that takes longer is cancelled by the server. */
  statementTimeoutMs?: number;
}

export type Row = Record<string, unknown>;

export type Query = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface Db {
  query: Query;
  /** Several statements on one connection: all or none. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** The same statements in pg-boss's words. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  close(): Promise<void>;
}

export function openDb(options: DbOptions): Db {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    query_timeout: options.statementTimeoutMs ?? 60_000,
    idleTimeoutMillis: 30_000,
  });
  // A connection that breaks while idle is replaced by the pool; the next statement shows it if the
  // database is really gone.
  pool.on('error', () => undefined);
  // The pool does not listen to one that is at work in a transaction: unheard, its loss would end
  // the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
      const result = await pool.query<R>(text, [...values]);
      return result.rows;
    },
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('begin');
        const result = await work(async (text, values = []) => {
          const { rows } = await client.query(text, [...values]);
          return rows;
        });
        await client.query('commit');
        return result;
      } catch (error) {
        // A connection whose state is unknown is closed, not used again.
        await client.query('rollback').catch((failure: Error) => {
          broken = failure;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    async executeSql(text, values = []) {
      const result = await pool.query(text, values);
      return { rows: result.rows };
    },
    close: () => pool.end(),
  };
}
