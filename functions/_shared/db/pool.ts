// The connection pool of a function: few connections, and each statement is its own transaction. It uses no
// session state, so that it works through a transaction-mode pooler. Prepared statements are session
// state, so they are used on direct connections only.

// @ts-types='npm:@types/pg'
import pg from 'pg';

export interface DbOptions {
  connectionString: string;
  /** Encrypts the connection and verifies the server's certificate. */
  ssl?: { ca: string } | undefined;
  /** Connections this process may open. */
  max: number;
  applicationName: string;
  /** The connections go directly to the server, not through a pooler: statements are prepared once. */
  direct?: boolean;
  /** A statement that takes longer fails. */
  statementTimeoutMs?: number;
}

export type Row = Record<string, unknown>;

export type Query = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface Db {
  query: Query;
  /** Several statements in one transaction. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** The interface of pg-boss; for several statements without values it returns the rows of the last one. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  close(): Promise<void>;
}

/** A function has few and fixed statement texts; if there are more than this, the others are not prepared. */
const PREPARED_AT_MOST = 100;

/** The names under which a direct connection prepares statements. */
function createNames() {
  const names = new Map<string, string>();
  let made = 0;
  return {
    /** Undefined when too many texts are prepared already. */
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

/** PostgreSQL refuses a prepared statement after a migration has changed the columns of its result. */
function isOutdated(error: unknown): boolean {
  return (error as { code?: unknown }).code === '0A000';
}

export function openDb(options: DbOptions): Db {
  // A pooler may prepare on one connection and execute on another.
  const names = options.direct ? createNames() : undefined;
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    ...(options.ssl ? { ssl: options.ssl } : {}),
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    query_timeout: options.statementTimeoutMs ?? 60_000,
    idleTimeoutMillis: 30_000,
  });
  // The pool replaces an idle connection that breaks; if the database is away, the next statement
  // fails.
  pool.on('error', () => undefined);
  // The pool does not handle errors of a connection in a transaction; without this handler, a broken one would
  // end the process.
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
        // The state of this connection is unknown: it is closed instead of used again.
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
