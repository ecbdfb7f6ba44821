// The users of the seed. supabase/seed.sql creates the same ones (a test compares them); `npm start` prints them,
// and stack.json lists all.

export const DEMO_PASSWORD = 'stepbase-demo';

export interface SeedUser {
  id: string;
  email: string;
  display_name: string;
  password: string;
  app_code: string;
  role: 'admin' | 'developer' | 'viewer';
}

export const SEED_USERS: readonly SeedUser[] = [
  user('a1', 'admin@acme.example', 'Ada Acme', 'acme', 'admin'),
  user('a2', 'developer@acme.example', 'Dev Acme', 'acme', 'developer'),
  user('a3', 'viewer@acme.example', 'Vera Acme', 'acme', 'viewer'),
  user('b1', 'admin@globex.example', 'Gus Globex', 'globex', 'admin'),
  user('b2', 'developer@globex.example', 'Gina Globex', 'globex', 'developer'),
];

function user(
  suffix: string,
  email: string,
  display_name: string,
  app_code: string,
  role: SeedUser['role'],
): SeedUser {
  return {
    id: `00000000-0000-4000-8000-0000000000${suffix}`,
    email,
    display_name,
    password: DEMO_PASSWORD,
    app_code,
    role,
  };
}
