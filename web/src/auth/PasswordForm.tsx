// Changes the password. Auth may ask for a code that it sends by mail, if the sign-in was long ago.
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { auth } from '../shared/auth.ts';
import { notify } from '../shared/notify.ts';
import { Problem } from './Problem.tsx';
import { useAuthCall } from './use-auth-call.ts';

export function PasswordForm() {
  const { problem, isBusy, run } = useAuthCall();
  const [password, setPassword] = useState('');
  const [nonce, setNonce] = useState<string>();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const changed = await run(async () => {
      const answer = await auth.updateUser({ password, ...(nonce ? { nonce } : {}) });
      if (answer.error?.code === 'reauthentication_needed') {
        setNonce('');
        await auth.reauthenticate();
      }
      return answer;
    });
    if (!changed) return;
    setPassword('');
    setNonce(undefined);
    notify.success('The password is changed.');
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack maw={360}>
        <PasswordInput
          label="New password"
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          required
          withAsterisk={false}
        />
        {nonce !== undefined && (
          <TextInput
            label="Code from the mail"
            autoComplete="one-time-code"
            value={nonce}
            onChange={(event) => setNonce(event.currentTarget.value)}
            required
            withAsterisk={false}
          />
        )}
        <Problem text={problem} />
        <Button type="submit" loading={isBusy} style={{ alignSelf: 'flex-start' }}>
          Change the password
        </Button>
      </Stack>
    </form>
  );
}
