// Creates the tables of schema auth with the migrations of @supabase/lite.

import { withClient } from './postgres/connection.ts';

export async function ensureAuthSchema(authAdminUrl: string): Promise<void> {
  const { App } = await import('@supabase/lite');
  const { createPostgresConnection } = await import('@supabase/lite/postgres');
  const connection = createPostgresConnection({
    url: authAdminUrl,
    postgresOptions: { max: 1, onnotice: () => undefined },
  });
  try {
    const app = new App({
      connection,
      auth: { enabled: true, jwt_secret: 'not used to make tables' },
      // The migration history belongs to the Supabase CLI.
      db: { migrations: { enabled: false } },
    });
    await app.ensureSystemSchema();
  } finally {
    await connection.close();
  }
  // lite ignores failed statements; without this check a missing table would cause an error at the first sign-in.
  await withClient(authAdminUrl, async (client) => {
    await client.query('select 1 from auth.users, auth.sessions, auth.refresh_tokens limit 0');
  });
}
