// The address and the key that the client uses: from /config.js at run time, else from the build.

export interface Settings {
  api_url: string;
  publishable_key: string;
}

/** The variables that the build reads; the last three are other names. */
export const WEB_VARIABLES = [
  'VITE_SUPABASE_URL',
  'VITE_SUPABASE_PUBLISHABLE_KEY',
  'VITE_SUPABASE_ANON_KEY',
  'VITE_API_URL',
  'VITE_WS_URL',
] as const;

export type BuildEnv = Partial<Record<(typeof WEB_VARIABLES)[number], string>>;

const HTTP_API_PATH = /\/functions\/v1\/stepbase-api\/?$/;

/** Throws if an address or the key is missing, or if VITE_WS_URL is another server than the project. */
export function settingsFromBuild(env: BuildEnv): Settings {
  const apiUrl = (
    env.VITE_SUPABASE_URL ||
    env.VITE_API_URL?.replace(HTTP_API_PATH, '') ||
    ''
  ).replace(/\/+$/, '');
  const key = env.VITE_SUPABASE_PUBLISHABLE_KEY || env.VITE_SUPABASE_ANON_KEY || '';
  if (!/^https?:\/\//.test(apiUrl)) {
    throw new Error('VITE_SUPABASE_URL must be the address of the Supabase project.');
  }
  if (key === '') {
    throw new Error('VITE_SUPABASE_PUBLISHABLE_KEY must be the publishable key of the project.');
  }
  if (env.VITE_WS_URL && new URL(env.VITE_WS_URL).host !== new URL(apiUrl).host) {
    throw new Error('VITE_WS_URL must have the host of VITE_SUPABASE_URL: Realtime is there.');
  }
  return { api_url: apiUrl, publishable_key: key };
}
