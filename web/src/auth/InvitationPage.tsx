// The page that the link of an invitation opens: sign in or sign up with the invited address, then accept or decline.
import { Alert, Anchor, Button, Group, Text, Title } from '@mantine/core';
import type { Session } from '@supabase/supabase-js';
import { useEffect, useState } from 'react';
import { explain } from '../shared/errors.ts';
import { supabase } from '../shared/supabase.ts';
import { Card } from './Card.tsx';
import { SignIn } from './SignIn.tsx';
import { signOut } from './session.ts';

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

export default function InvitationPage({ token, session }: Props) {
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
    <Card width={480}>
      <Title order={1} size="h2">
        Invitation
      </Title>
      {isDeclined ? (
        <Text role="status">You declined the invitation.</Text>
      ) : invitation ? (
        <>
          <Text>
            {invitation.invited_by ?? 'An operator'} invites you to{' '}
            <strong>{invitation.application}</strong> as {invitation.role}.
          </Text>
          <Text c="dimmed">
            Until {new Date(invitation.expires_at).toLocaleString()}, for {invitation.email}.
          </Text>
        </>
      ) : (
        problem === undefined && <Text c="dimmed">Loading…</Text>
      )}
      {problem && (
        <Alert color="red" role="alert">
          <Text c="var(--mantine-color-text)">{problem}</Text>
        </Alert>
      )}
      {invitation && !isDeclined && (
        <Group>
          <Button disabled={isBusy} onClick={() => void accept(invitation.app_code)}>
            Accept
          </Button>
          <Button variant="default" disabled={isBusy} onClick={() => void decline()}>
            Decline
          </Button>
        </Group>
      )}
      {!invitation && problem && (
        <Button variant="default" onClick={() => void signOut()}>
          Use another account
        </Button>
      )}
      <Text c="dimmed">
        Signed in as {session.user.email}. <Anchor href="/">Go to your application</Anchor>
      </Text>
    </Card>
  );
}
