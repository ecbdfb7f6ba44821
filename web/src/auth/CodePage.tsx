// The second step of a sign-in: the code of the person's authenticator app. The form is also in the dialog of a session
// that has ended.
import { Anchor, Button, PinInput, Stack, Text, Title } from '@mantine/core';
import type { Session } from '@supabase/auth-js';
import { useEffect, useState } from 'react';
import { auth } from '../shared/auth.ts';
import { setTitle } from '../shared/page-change.ts';
import { Card } from './Card.tsx';
import { Problem } from './Problem.tsx';
import { signOut } from './session.ts';
import { useAuthCall } from './use-auth-call.ts';

export const CODE_TEXT = 'Your authenticator app shows a code of six digits for Stepbase.';

export function CodeForm({ session }: { session: Session }) {
  const { problem, isBusy, run } = useAuthCall();
  const [code, setCode] = useState('');
  const factor = session.user.factors?.find(({ status }) => status === 'verified');

  async function verify(entered: string): Promise<void> {
    const answer = await run(() =>
      auth.mfa.challengeAndVerify({ factorId: factor?.id ?? '', code: entered }),
    );
    if (!answer) setCode('');
  }

  return (
    <Stack>
      <PinInput
        length={6}
        type="number"
        oneTimeCode
        autoFocus
        value={code}
        onChange={setCode}
        onComplete={(entered) => void verify(entered)}
        aria-label="Code"
        getInputProps={(index) => ({ 'aria-label': `Digit ${index + 1} of the code` })}
      />
      <Problem text={problem} />
      <Button disabled={code.length < 6} loading={isBusy} onClick={() => void verify(code)}>
        Continue
      </Button>
    </Stack>
  );
}

export default function CodePage({ session }: { session: Session }) {
  useEffect(() => setTitle('Enter your code'), []);
  return (
    <Card>
      <Title order={1} size="h2">
        Enter your code
      </Title>
      <Text c="dimmed">{CODE_TEXT}</Text>
      <CodeForm session={session} />
      <Anchor component="button" type="button" size="sm" onClick={() => void signOut()}>
        Use another account
      </Anchor>
    </Card>
  );
}
