// The page after the link of a mail that resets a password: the link has signed in, and the person chooses a password.
import { Anchor, Button, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useEffect } from 'react';
import { auth } from '../shared/auth.ts';
import { setTitle } from '../shared/page-change.ts';
import { Card } from './Card.tsx';
import { Problem } from './Problem.tsx';
import { useAuthCall } from './use-auth-call.ts';

interface Props {
  email: string;
  onDone(): void;
}

export default function NewPasswordPage({ email, onDone }: Props) {
  const { problem, isBusy, run } = useAuthCall();
  useEffect(() => setTitle('New password'), []);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get('password'));
    if (await run(() => auth.updateUser({ password }))) onDone();
  }

  return (
    <Card>
      <Title order={1} size="h2">
        Choose a new password
      </Title>
      <Text c="dimmed">For {email}.</Text>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <PasswordInput
            label="New password"
            name="password"
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <Problem text={problem} />
          <Button type="submit" loading={isBusy}>
            Save the password
          </Button>
          <Anchor component="button" type="button" size="sm" onClick={onDone}>
            Keep the present password
          </Anchor>
        </Stack>
      </form>
    </Card>
  );
}
