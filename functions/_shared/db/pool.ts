// The connection pool of a function: few connections, every statement its own transaction, nothing
// that depends on session state, so that it works through a transaction-mode pooler. Prepared
// statements are such a state: they are used on direct connections only.

import pg from 'pg';

export interface DbOptions {
  connectionString: string;
  /** Connections this process may open. */
  max: number;
  applicationName: string;
  /** Whether the connections go to the server itself, not through a pooler: statements are prepared once. */
  direct?: boolean;
  /** A statement that takes longer is cancelled by the server. */
  statementTimeoutMs?: number;
}

export type Row = Record<string, unknown>;

export type Query = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface Db {
  query: Query;
  /** Several statements on one connection: all or none. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** The same in pg-boss's words; of several statements without values the rows of the last. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  close(): Promise<void>;
}

/** The texts of a function are few and fixed; should they not be, the others are not prepared. */
const PREPARED_AT_MOST = 100;

/** Names under which a direct connection prepares the texts of statements. */
function createNames() {
  const names = new Map<string, string>();
  let made = 0;
  return {
    /** None for a text too many. */
    of(text: string): string | undefined {
      if (!names.has(text) && names.size < PREPARED_AT_MOST) this.renew(text);
      return names.get(text);
    },
    renew(text: string): void {
      made += 1;
      names.set(text, `s${made}`);
    },
  };
}

/** A migration changed what a statement returns, which PostgreSQL refuses to one that was prepared before. */
function isOutdated(error: unknown): boolean {
  return (error as { code?: unknown }).code === '0A000';
}

export function openDb(options: DbOptions): Db {
  // A pooler may prepare on one connection and execute on another.
  const names = options.direct ? createNames() : undefined;
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
      const ask = () => {
        const name = names?.of(text);
        return pool.query<R>({
          text,
          values: [...values],
          ...(name === undefined ? {} : { name }),
        });
      };
      const result = await ask().catch((error: unknown) => {
        if (!names || !isOutdated(error)) throw error;
        names.renew(text);
        return ask();
      });
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
      const results = [await pool.query<Row>(text, values)].flat();
      return { rows: results.at(-1)?.rows ?? [] };
    },
    close: () => pool.end(),
  };
}
