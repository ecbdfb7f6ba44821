// What a signed-in user sees: the router with its pages, and the dialogs and messages that are above them.
import '@mantine/spotlight/styles.css';
import '@mantine/dates/styles.css';
import type { Session } from '@supabase/supabase-js';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { appOfToken } from '../auth/session.ts';
import { Announcer } from '../shared/announce.tsx';
import { Confirmations } from '../shared/confirm.tsx';
import { Messages } from '../shared/Messages.tsx';
import { usePause } from '../shared/pause.ts';
import { queryClient } from '../shared/query.ts';
import { createAppRouter } from './router.tsx';

import { ShellSession } from './shell-session.tsx';

const SessionEnded = lazy(() => import('./SessionEnded.tsx'));

interface Props {
  session: Session;
  isEnded: boolean;
  unverified: Session | undefined;
}

/** The router of one user. It begins with the active application if the address names no page. */
function Pages({ session }: { session: Session }) {
  const [router] = useState(() => {
    const active = appOfToken(session);
    if (active !== undefined && /^#?\/?$/.test(location.hash)) {
      history.replaceState(history.state, '', `#/${active}`);
    }
    return createAppRouter();
  });
  return <RouterProvider router={router} />;
}

export default function Shell({ session, isEnded, unverified }: Props) {
  const userId = session.user.id;
  // The rows of one user are not for the next one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another user is what clears the cache
  useEffect(() => () => queryClient.clear(), [userId]);

  usePause('session_ended', isEnded);
  // The rows on the page are as old as the end of the session.
  useEffect(() => {
    if (!isEnded) return;
    return () => void queryClient.invalidateQueries();
  }, [isEnded]);

  return (
    <ShellSession.Provider value={session}>
      <QueryClientProvider client={queryClient}>
        <Messages />
        <Announcer />
        <Pages key={userId} session={session} />
        <Confirmations />
        {isEnded && (
          <Suspense fallback={null}>
            <SessionEnded email={session.user.email ?? ''} unverified={unverified} />
          </Suspense>
        )}
      </QueryClientProvider>
    </ShellSession.Provider>
  );
}
