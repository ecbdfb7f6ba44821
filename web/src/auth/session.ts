// The session of this browser. It can end without the person: the refresh token expires or another window signs out.
// Then `isEnded` is true and the last session stays, so that the shell keeps its place behind a sign-in dialog, also while
// the person who has signed in again has not entered the code of a second factor yet.
import type { Session } from '@supabase/auth-js';
import { useEffect, useState } from 'react';
import { auth } from '../shared/auth.ts';

let isLeaving = false;

/** Signs out in this browser; the sign-in page follows. */
export async function signOut(): Promise<void> {
  isLeaving = true;
  await auth.signOut({ scope: 'local' });
  location.hash = '';
}

export interface SessionState {
  /** Undefined until Auth has read it; null: nobody is signed in. */
  session: Session | null | undefined;
  /** The session has ended by itself; `session` is the last one. */
  isEnded: boolean;
  /** The next session, which needs the code of a second factor. */
  unverified?: Session;
}

export function useSession(): SessionState {
  const [state, setState] = useState<SessionState>({ session: undefined, isEnded: false });
  useEffect(() => {
    const { data } = auth.onAuthStateChange((_event, next) => {
      setState((known) => {
        const last = known.session;
        if (next !== null) {
          const isLower = needsCode(next) && last?.user.id === next.user.id && !needsCode(last);
          return isLower
            ? { session: last, isEnded: true, unverified: next }
            : { session: next, isEnded: false };
        }
        const endsByItself = known.session && !isLeaving;
        isLeaving = false;
        return endsByItself
          ? { session: known.session, isEnded: true }
          : { session: null, isEnded: false };
      });
    });
    return () => data.subscription.unsubscribe();
  }, []);
  return state;
}

function claimsOf(session: Session): { app_code?: string; aal?: string } {
  const [, payload = ''] = session.access_token.split('.');
  const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
  return JSON.parse(text) as { app_code?: string; aal?: string };
}

/** The application that the token of the session is for. */
export const appOfToken = (session: Session): string | undefined => claimsOf(session).app_code;

/** The person has a second factor and has not used it in this session. */
export const needsCode = (session: Session): boolean =>
  claimsOf(session).aal !== 'aal2' &&
  (session.user.factors?.some(({ status }) => status === 'verified') ?? false);
