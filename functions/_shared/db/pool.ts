// The connection pool of a function: few connections, and each statement is its own transaction. It uses no
// session state, so that it works through a transaction-mode pooler. Prepared statements are session
// state, so they are used on direct connections only.
//
// The server ends statements that take too long. The role stepbase_worker has that limit. For a role without one,
// a direct connection sets it when it opens; through a pooler each statement sets it in a transaction of its own.

// @ts-types='npm:@types/pg'
import pg from 'pg';
import { parseJson } from '../text/json-numbers.ts';
import { POSITION } from './lsn.ts';

/** PostgreSQL's json and jsonb. */
const JSON_TYPES: readonly number[] = [114, 3802];

/** Numbers of PostgreSQL that a double cannot hold arrive as the strings of their digits. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (type, format) =>
    JSON_TYPES.includes(type) ? parseJson : pg.types.getTypeParser(type, format),
};

export interface DbOptions {
  connectionString: string;
  /** Encrypts the connection and verifies the server's certificate. */
  ssl?: { ca: string } | undefined;
  /** Connections this process may open. */
  max: number;
  applicationName: string;
  /** The connections go directly to the server, not through a pooler: statements are prepared once. */
  direct?: boolean;
  /** The server cancels a statement that takes longer, if the role has no limit of its own. */
  statementTimeoutMs?: number;
  /** For a replica: every transaction is read only. */
  readOnly?: boolean;
  /** How long to wait for a connection. */
  connectTimeoutMs?: number;
}

const STATEMENT_MS = 15_000;
const LOCK_MS = 5_000;
/** A server that has not ended a statement so long after its limit does not answer any more. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 10_000;

export type Row = Record<string, unknown>;

export type Query = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface TransactionOptions {
  /** Called after the commit with the position in the WAL, up to which everything is visible that the work saw or wrote. */
  onPosition?: ((position: string) => void) | undefined;
}

export interface Db {
  query: Query;
  /** Several statements in one transaction. */
  transaction<T>(work: (query: Query) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** The interface of pg-boss; for several statements without values it returns the rows of the last one. */
  executeSql(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  close(): Promise<void>;
}

/** A function has few and fixed statement texts; if there are more than this, the others are not prepared. */
const PREPARED_AT_MOST = 100;

/** In the message of the commit, so that the position costs no further round trip. */
const COMMIT_WITH_POSITION = `commit; select ${POSITION} as position`;

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
  const statementMs = options.statementTimeoutMs ?? STATEMENT_MS;
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    ...(options.ssl ? { ssl: options.ssl } : {}),
    max: options.max,
    types,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_MS,
    query_timeout: statementMs + ANSWER_MS,
    idleTimeoutMillis: 30_000,
  });
  const setLimits = `set local statement_timeout = ${statementMs}; set local lock_timeout = ${LOCK_MS};`;
  const begin = options.readOnly ? 'begin read only' : 'begin';
  let limited: Promise<boolean> | undefined;

  /** Whether the server limits the statements of the pool's connections; asked once, by the first statement. */
  function isLimited(): Promise<boolean> {
    limited ??= askLimit().catch((error: unknown) => {
      limited = undefined;
      throw error;
    });
    return limited;
  }

  /** An operator may have given the role another limit; one of the whole server is too long for a worker. */
  async function askLimit(): Promise<boolean> {
    const client = await pool.connect();
    let isUnchanged = false;
    try {
      const { rows } = await client.query<{ ms: number; of_role: boolean }>(
        `select setting::int as ms, source in ('user', 'database user') as of_role
         from pg_catalog.pg_settings where name = 'statement_timeout'`,
      );
      const { ms, of_role: ofRole } = rows[0] ?? { ms: 0, of_role: false };
      if (ms > 0 && (ofRole || ms <= statementMs)) {
        isUnchanged = ms <= statementMs;
        Object.assign(pool.options, { query_timeout: ms + ANSWER_MS });
        return true;
      }
      if (!options.direct) {
        isUnchanged = true;
        return false;
      }
      // Start-up parameters of all further connections; a pooler may refuse them.
      Object.assign(pool.options, { statement_timeout: statementMs, lock_timeout: LOCK_MS });
      return true;
    } finally {
      client.release(!isUnchanged);
    }
  }

  // The pool replaces an idle connection that breaks; if the database is away, the next statement
  // fails.
  pool.on('error', () => undefined);
  // The pool does not handle errors of a connection in a transaction; without this handler, a broken one would
  // end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));

  async function commitWithPosition(client: pg.PoolClient): Promise<string> {
    // The driver returns a list for several statements.
    const results = [await client.query<{ position: string }>(COMMIT_WITH_POSITION)].flat();
    return results.at(-1)?.rows[0]?.position ?? '';
  }

  async function transaction<T>(
    work: (query: Query) => Promise<T>,
    { onPosition }: TransactionOptions = {},
  ): Promise<T> {
    const hasLimits = await isLimited();
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(hasLimits ? begin : `${begin}; ${setLimits}`);
      const result = await work(async (text, values = []) => {
        const { rows } = await client.query(text, [...values]);
        return rows;
      });
      if (onPosition === undefined) await client.query('commit');
      else onPosition(await commitWithPosition(client));
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
  }

  return {
    transaction,
    async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
      if (options.readOnly || !(await isLimited())) {
        return transaction((query) => query<R>(text, values));
      }
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
    async executeSql(text, values = []) {
      const hasLimits = await isLimited();
      if (!hasLimits && values.length > 0) {
        return { rows: await transaction((query) => query<Row>(text, values)) };
      }
      // Not prepared: pg-boss writes numbers into its texts, so there is no end of them.
      const results = [await pool.query<Row>(hasLimits ? text : setLimits + text, values)].flat();
      return { rows: results.at(-1)?.rows ?? [] };
    },
    close: () => pool.end(),
  };
}
