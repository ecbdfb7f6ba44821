// The client of Supabase Auth, apart from the rest of supabase-js, so that the sign-in page loads only this part.
// `supabase.auth` is the same client.
import { AuthClient, isAuthRetryableFetchError } from '@supabase/auth-js';
import { config } from './config.ts';
import { watchedFetch } from './contact.ts';

export const authUrl = `${config.api_url}/auth/v1`;

/** The window was opened by the link that resets a password. The client removes the address's fragment when it is made. */
export const isRecovery = new URLSearchParams(location.hash.slice(1)).get('type') === 'recovery';

/** Why the link of a mail did not sign in, as Auth adds it to the page's address. */
export const linkProblem =
  new URLSearchParams(location.hash.slice(1)).get('error_description') ?? undefined;

/** The name that supabase-js uses, too. */
const storageKey = `sb-${new URL(config.api_url).hostname.split('.')[0]}-auth-token`;

function hasStored(): boolean {
  try {
    return localStorage.getItem(storageKey) !== null;
  } catch {
    // The browser blocks storage; Auth keeps the session in memory then.
    return false;
  }
}

/** Whether this browser keeps a session, before Auth has read it. */
export const mayHaveSession = hasStored();

export const auth = new AuthClient({
  url: authUrl,
  // With this spelling, the client replaces the header by the token of the user.
  headers: { apikey: config.publishable_key, Authorization: `Bearer ${config.publishable_key}` },
  storageKey,
  autoRefreshToken: true,
  persistSession: true,
  detectSessionInUrl: true,
  flowType: 'implicit',
  fetch: watchedFetch,
});

/** The token of the session, renewed if it has expired; null without a session. Throws if Auth does not answer. */
export async function accessToken(): Promise<string | null> {
  const { data, error } = await auth.getSession();
  if (isAuthRetryableFetchError(error)) throw error;
  return data.session?.access_token ?? null;
}
