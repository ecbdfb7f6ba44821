// One short-lived connection for a set-up task.

import pg from 'pg';

export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The same server and login, another database. */
export function onDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return other.href;
}

/** The stack connects without TLS; stated, so that the Supabase CLI does not try TLS and print a warning first. */
export function withoutTls(url: string): string {
  const plain = new URL(url);
  if (!plain.searchParams.has('sslmode')) plain.searchParams.set('sslmode', 'disable');
  return plain.href;
}

/** The same server and database, another login. */
export function asRole(url: string, role: string, password: string): string {
  const other = new URL(url);
  other.username = role;
  other.password = encodeURIComponent(password);
  return other.href;
}
