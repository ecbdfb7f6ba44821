// The application shell: session, top bar and routes.
import type { Session } from '@supabase/supabase-js';
import { lazy, Suspense, useEffect, useState } from 'react';
import { supabase } from './client.ts';
import { DecisionPage } from './decision/DecisionPage.tsx';
import { InvitationPage } from './invitation/InvitationPage.tsx';
import { NewApplication } from './NewApplication.tsx';
import { RunPage } from './run/RunPage.tsx';
import { RunsPage } from './runs/RunsPage.tsx';
import { SignIn } from './SignIn.tsx';
import { TopBar } from './TopBar.tsx';

const ApiPage = lazy(() => import('./api/ApiPage.tsx'));

/** The app_code claim of the session's token. */
function appOf(session: Session): { appCode: string | undefined; role: string | undefined } {
  const [, payload = ''] = session.access_token.split('.');
  const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
  const claims = JSON.parse(text) as { app_code?: string; app_role?: string };
  return { appCode: claims.app_code, role: claims.app_role };
}

function useRoute(): string {
  const [route, setRoute] = useState(location.hash);
  useEffect(() => {
    const update = () => setRoute(location.hash);
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return route;
}

/** The token in the link of an invitation. It is read once: the page's address stays the same. */
const invitation =
  location.pathname === '/invitation' ? new URLSearchParams(location.search).get('token') : null;

export function App() {
  const [session, setSession] = useState<Session | null>();
  const route = useRoute();

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, next) => setSession(next));
    return () => data.subscription.unsubscribe();
  }, []);

  const decision = /^#\/decisions\/([\w-]+)$/.exec(route)?.[1];
  if (decision !== undefined) return <DecisionPage key={decision} token={decision} />;
  if (session === undefined) return <p className="empty">Loading…</p>;
  if (invitation !== null) return <InvitationPage token={invitation} session={session} />;
  if (session === null) return <SignIn />;

  const { appCode, role } = appOf(session);
  const runId = /^#\/runs\/([0-9a-f-]{36})$/.exec(route)?.[1];
  return (
    <>
      <TopBar appCode={appCode} role={role} email={session.user.email ?? ''} />
      <main>
        {route === '#/api' ? (
          <Suspense fallback={<p className="empty">Loading…</p>}>
            <ApiPage />
          </Suspense>
        ) : appCode === undefined ? (
          <NewApplication />
        ) : runId ? (
          <RunPage key={runId} runId={runId} />
        ) : (
          <RunsPage key={appCode} appCode={appCode} />
        )}
      </main>
    </>
  );
}
