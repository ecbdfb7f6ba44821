// The page that the link of an invitation opens: sign in or sign up with the invited address, then accept or decline.
import type { Session } from '@supabase/supabase-js';
import { useEffect, useState } from 'react';
import { explain, supabase } from '../client.ts';
import { SignIn } from '../SignIn.tsx';

interface Invitation {
  app_code: string;
  application: string;
  email: string;
  role: string;
  invited_by: string | null;
  expires_at: string;
}

interface Props {
  token: string;
  session: Session | null;
}

const TEXTS = {
  not_found: 'This link is not valid. If a newer mail invites you, use the link in that one.',
};

const home = (): void => location.assign('/');

export function InvitationPage({ token, session }: Props) {
  const [invitation, setInvitation] = useState<Invitation>();
  const [isDeclined, setDeclined] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const userId = session?.user.id;

  useEffect(() => {
    if (userId === undefined) return;
    setProblem(undefined);
    void supabase.rpc('read_invitation', { token }).then(({ data, error }) => {
      if (error) setProblem(explain(error, TEXTS));
      else setInvitation(data as unknown as Invitation);
    });
  }, [token, userId]);

  if (session === null) {
    return <SignIn hint="Sign in with the address that received the invitation." />;
  }

  async function accept(appCode: string): Promise<void> {
    setBusy(true);
    const accepted = await supabase.rpc('accept_invitation', { token });
    const { error } = accepted.error
      ? accepted
      : await supabase.rpc('switch_app', { app_code: appCode });
    if (error) {
      setBusy(false);
      setProblem(explain(error));
      return;
    }
    await supabase.auth.refreshSession();
    home();
  }

  async function decline(): Promise<void> {
    setBusy(true);
    const { error } = await supabase.rpc('decline_invitation', { token });
    setBusy(false);
    if (error) setProblem(explain(error));
    else setDeclined(true);
  }

  return (
    <main className="sign-in">
      <section className="card">
        <h1>Invitation</h1>
        {isDeclined ? (
          <p role="status">You declined the invitation.</p>
        ) : invitation ? (
          <>
            <p>
              {invitation.invited_by ?? 'An operator'} invites you to{' '}
              <strong>{invitation.application}</strong> as {invitation.role}.
            </p>
            <p className="muted">
              Until {new Date(invitation.expires_at).toLocaleString()}, for {invitation.email}.
            </p>
          </>
        ) : (
          problem === undefined && <p className="muted">Loading…</p>
        )}
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        {invitation && !isDeclined && (
          <div className="actions">
            <button
              type="button"
              className="primary"
              disabled={isBusy}
              onClick={() => void accept(invitation.app_code)}
            >
              Accept
            </button>
            <button type="button" disabled={isBusy} onClick={() => void decline()}>
              Decline
            </button>
          </div>
        )}
        {!invitation && problem && (
          <button type="button" onClick={() => void supabase.auth.signOut({ scope: 'local' })}>
            Use another account
          </button>
        )}
        <p className="muted">
          Signed in as {session.user.email}. <a href="/">Go to the runs</a>
        </p>
      </section>
    </main>
  );
}
