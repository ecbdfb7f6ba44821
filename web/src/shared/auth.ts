// The client of Supabase Auth, apart from the rest of supabase-js, so that the sign-in page loads only this part.
// `supabase.auth` is the same client.
import { AuthClient } from '@supabase/auth-js';
import { config } from './config.ts';
import { watchedFetch } from './contact.ts';

export const authUrl = `${config.api_url}/auth/v1`;

/** The window was opened by the link that resets a password. The client removes the address's fragment when it is made. */
export const isRecovery = new URLSearchParams(location.hash.slice(1)).get('type') === 'recovery';

export const auth = new AuthClient({
  url: authUrl,
  // With this spelling, the client replaces the header by the token of the user.
  headers: { apikey: config.publishable_key, Authorization: `Bearer ${config.publishable_key}` },
  // The name that supabase-js uses, too.
  storageKey: `sb-${new URL(config.api_url).hostname.split('.')[0]}-auth-token`,
  autoRefreshToken: true,
  persistSession: true,
  detectSessionInUrl: true,
  flowType: 'implicit',
  fetch: watchedFetch,
});

/** The token of the session; null without one. It is renewed before it expires. */
export async function accessToken(): Promise<string | null> {
  const { data } = await auth.getSession();
  return data.session?.access_token ?? null;
}
