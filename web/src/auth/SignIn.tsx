// The sign-in page: by e-mail and password, with a new account, or by a link in a mail, which also resets a password. The
// form is also in the dialog of a session that has ended.
import { Anchor, Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { auth, linkProblem } from '../shared/auth.ts';
import { setTitle } from '../shared/page-change.ts';
import { Card } from './Card.tsx';
import { Problem } from './Problem.tsx';
import { useAuthCall } from './use-auth-call.ts';

type Mode = 'sign-in' | 'sign-up' | 'reset' | 'link';

const TITLES: Readonly<Record<Mode, string>> = {
  'sign-in': 'Sign in',
  'sign-up': 'Create an account',
  reset: 'Reset your password',
  link: 'Sign in by mail',
};

const ACTIONS: Readonly<Record<Mode, string>> = {
  'sign-in': 'Sign in',
  'sign-up': 'Create account',
  reset: 'Send the link',
  link: 'Send the link',
};

const MAILED: Readonly<Record<Mode, string>> = {
  'sign-in': '',
  'sign-up': 'to confirm your address',
  reset: 'to choose a new password',
  link: 'to sign in',
};

interface FormProps {
  mode: Mode;
  /** The session of this person has ended: the address is fixed. */
  email?: string;
}

export function SignInForm({ mode, email }: FormProps) {
  const { problem, isBusy, run } = useAuthCall(
    mode === 'sign-in' && email === undefined ? linkProblem : undefined,
  );
  const [mailedTo, setMailedTo] = useState<string>();
  const hasPassword = mode === 'sign-in' || mode === 'sign-up';

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const address = email ?? String(form.get('email'));
    const credentials = { email: address, password: String(form.get('password')) };
    // The link of a mail leads back to this page.
    const back = location.href.replace(/#.*/, '');
    setMailedTo(undefined);
    if (mode === 'sign-in') {
      await run(() => auth.signInWithPassword(credentials));
      return;
    }
    const answer = await run(async () => {
      if (mode === 'reset') {
        return {
          ...(await auth.resetPasswordForEmail(address, { redirectTo: back })),
          isDone: false,
        };
      }
      const options = { emailRedirectTo: back };
      const { data, error } =
        mode === 'link'
          ? await auth.signInWithOtp({
              email: address,
              options: { ...options, shouldCreateUser: false },
            })
          : await auth.signUp({ ...credentials, options });
      return { error, isDone: data.session !== null };
    });
    if (answer && !answer.isDone) setMailedTo(address);
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
        {hasPassword && (
          <PasswordInput
            label="Password"
            name="password"
            autoComplete={mode === 'sign-up' ? 'new-password' : 'current-password'}
            required
            withAsterisk={false}
            {...(email === undefined ? {} : { 'data-autofocus': true })}
          />
        )}
        <Problem text={problem} />
        {mailedTo && (
          <Text role="status">
            Open the link in the mail to {mailedTo} {MAILED[mode]}.
          </Text>
        )}
        <Button type="submit" loading={isBusy}>
          {ACTIONS[mode]}
        </Button>
      </Stack>
    </form>
  );
}

export function SignIn({ hint }: { hint?: string }) {
  const [mode, setMode] = useState<Mode>('sign-in');
  useEffect(() => setTitle(TITLES[mode]), [mode]);

  const to = (next: Mode, label: string) => (
    <Anchor component="button" type="button" size="sm" onClick={() => setMode(next)}>
      {label}
    </Anchor>
  );
  return (
    <Card>
      <Title order={1} size="h2">
        {TITLES[mode]}
      </Title>
      {hint && <Text c="dimmed">{hint}</Text>}
      {/* Another form starts without the problem of the last one. */}
      <SignInForm key={mode} mode={mode} />
      <Group justify="space-between" gap="xs">
        {mode === 'sign-in' ? (
          <>
            {to('sign-up', 'I have no account yet')}
            {to('reset', 'I forgot my password')}
            {to('link', 'Send me a sign-in link')}
          </>
        ) : (
          to('sign-in', mode === 'sign-up' ? 'I have an account' : 'Back to the sign-in')
        )}
      </Group>
    </Card>
  );
}
