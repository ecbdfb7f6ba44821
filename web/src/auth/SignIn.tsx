// The sign-in page: e-mail and password through Supabase Auth, for an account that exists or a new one. Its form is also
// in the dialog of a session that has ended.
import { Alert, Anchor, Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { auth } from '../shared/auth.ts';
import { setTitle } from '../shared/page-change.ts';
import { Card } from './Card.tsx';

/** Why the link of a mail did not sign in, as Auth adds it to the page's address. It is read once. */
const linkProblem = new URLSearchParams(location.hash.slice(1)).get('error_description');

interface FormProps {
  /** The session of this person has ended: the address is fixed. */
  email?: string;
}

export function SignInForm({ email }: FormProps) {
  const [isNew, setNew] = useState(false);
  const [mailedTo, setMailedTo] = useState<string>();
  const [problem, setProblem] = useState(linkProblem ?? undefined);
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = {
      email: email ?? String(form.get('email')),
      password: String(form.get('password')),
    };
    setBusy(true);
    setProblem(undefined);
    const { data, error } = isNew
      ? // Auth may want a confirmation by mail; its link leads back to this page.
        await auth.signUp({
          ...credentials,
          options: { emailRedirectTo: location.href.replace(/#.*/, '') },
        })
      : await auth.signInWithPassword(credentials);
    setBusy(false);
    if (error) setProblem(error.message);
    else if (data.session === null) setMailedTo(credentials.email);
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack>
        <TextInput
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          {...(email === undefined ? {} : { value: email, readOnly: true })}
          required
          withAsterisk={false}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
          required
          withAsterisk={false}
          {...(email === undefined ? {} : { 'data-autofocus': true })}
        />
        {problem && (
          <Alert color="red" role="alert">
            <Text c="var(--mantine-color-text)">{problem}</Text>
          </Alert>
        )}
        {mailedTo && (
          <Text role="status">
            Open the link in the mail to {mailedTo} to confirm your address.
          </Text>
        )}
        <Button type="submit" loading={isBusy}>
          {isNew ? 'Create account' : 'Sign in'}
        </Button>
        {email === undefined && (
          <Anchor component="button" type="button" onClick={() => setNew(!isNew)}>
            {isNew ? 'I have an account' : 'I have no account yet'}
          </Anchor>
        )}
      </Stack>
    </form>
  );
}

export function SignIn({ hint }: { hint?: string }) {
  useEffect(() => setTitle('Sign in'), []);
  return (
    <Card>
      <Title order={1} size="h2">
        Sign in
      </Title>
      <Text c="dimmed">{hint ?? 'Sign in to see your applications and their runs.'}</Text>
      <SignInForm />
    </Card>
  );
}
