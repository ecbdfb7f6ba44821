// What a window shows: a page that needs no session (sign-in, the links of mails), or the shell of the signed-in user.
// The shell and its libraries are loaded after the sign-in, and the sign-in only without a session.
import { MantineProvider } from '@mantine/core';
import { lazy, Suspense, useState, useSyncExternalStore } from 'react';
import { needsCode, useSession } from './auth/session.ts';
import { isRecovery, mayHaveSession } from './shared/auth.ts';
import { theme } from './shared/theme.ts';

const loadSignIn = () => import('./auth/SignIn.tsx');
// Beside the libraries of the first page, so that the form does not wait for Auth.
if (!mayHaveSession) void loadSignIn();
const SignIn = lazy(() => loadSignIn().then(({ SignIn: Page }) => ({ default: Page })));
const Shell = lazy(() => import('./shell/Shell.tsx'));
const DecisionPage = lazy(() => import('./auth/DecisionPage.tsx'));
const InvitationPage = lazy(() => import('./auth/InvitationPage.tsx'));
const NewPasswordPage = lazy(() => import('./auth/NewPasswordPage.tsx'));
const CodePage = lazy(() => import('./auth/CodePage.tsx'));

/** The token in the link of an invitation. It is read once: the page's address stays the same. */
const invitation =
  location.pathname === '/invitation' ? new URLSearchParams(location.search).get('token') : null;

function useHash(): string {
  return useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener);
      return () => removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
}

function Page() {
  const hash = useHash();
  const { session, isEnded, unverified } = useSession();
  const [isRecovering, setRecovering] = useState(isRecovery);
  // A token is longer than the name of any page.
  const decision = /^#\/decisions\/([\w-]{20,})$/.exec(hash)?.[1];
  if (decision !== undefined) return <DecisionPage key={decision} token={decision} />;
  if (session === undefined) return null;
  if (invitation !== null) return <InvitationPage token={invitation} session={session} />;
  if (session === null) return <SignIn />;
  if (needsCode(session)) return <CodePage session={session} />;
  if (isRecovering) {
    return <NewPasswordPage email={session.user.email ?? ''} onDone={() => setRecovering(false)} />;
  }
  return <Shell session={session} isEnded={isEnded} unverified={unverified} />;
}

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Suspense fallback={null}>
        <Page />
      </Suspense>
    </MantineProvider>
  );
}
