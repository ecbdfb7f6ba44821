// A connection to the database, encrypted if its certificate authority is given.
import pg from 'pg';
import { databaseAddress, pemOf } from '../../functions/_shared/db/tls.ts';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 30_000;

/** The environment of the functions, as far as it is known: STEPBASE_DB_DIRECT and DATABASE_CA. */
export type DatabaseEnvironment = Readonly<Record<string, string | undefined>>;

export async function connect(
  dbUrl: string,
  { DATABASE_CA: ca }: DatabaseEnvironment,
  statementMs = STATEMENT_MS,
): Promise<pg.Client> {
  const { url, ssl } = databaseAddress(dbUrl, ca === undefined ? undefined : pemOf(ca));
  const client = new pg.Client({
    connectionString: url,
    ...(ssl === undefined ? {} : { ssl }),
    application_name: 'stepbase-cli',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs,
  });
  // An error of the connection is that of the next statement, too.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
