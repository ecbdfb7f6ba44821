// A connection to the database of Stepbase for the commands of `npm run explain`.

import pg from 'pg';

/** An error of the user; the message is complete without a stack trace. */
export class ExplainError extends Error {}

const CONNECT_MS = 5_000;
const STATEMENT_MS = 30_000;

export async function withDatabase<T>(
  dbUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: dbUrl,
    application_name: 'stepbase-explain',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new ExplainError(`the database cannot be reached: ${(error as Error).message}`);
  }
  try {
    return await work(client);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '42P01' || code === '42883' || code === '3F000') {
      throw new ExplainError('this database has no Stepbase, or a version without explain');
    }
    throw error;
  } finally {
    await client.end();
  }
}
