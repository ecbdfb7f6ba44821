// The profile of the signed-in user: address, password, second factor, and the sessions of other devices.
import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { auth } from '../shared/auth.ts';
import { confirm } from '../shared/confirm.tsx';
import { notify } from '../shared/notify.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { PasswordForm } from './PasswordForm.tsx';
import { SecondFactor } from './SecondFactor.tsx';
import { authText } from './texts.ts';

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper
      component="section"
      aria-label={title}
      withBorder
      p="lg"
      maw={640}
      bg="var(--sb-surface)"
    >
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

async function endOthers(): Promise<void> {
  const answer = await confirm({
    title: 'Sign out on other devices?',
    text: 'Every other browser in which you are signed in has to sign in again.',
    action: 'Sign out there',
  });
  if (answer === undefined) return;
  const { error } = await auth.signOut({ scope: 'others' });
  if (error) notify.error(new Error(authText(error)));
  else notify.success('The other sessions have ended.');
}

export default function ProfilePage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['', 'profile'],
    queryFn: () => ask(supabase.rpc('my_profile')),
  });
  return (
    <>
      <PageHeader title="Profile" help="guides/organizations-and-members" />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} height={120} />}
      {data && (
        <Stack>
          <Section title="Account">
            <Text>{data.display_name}</Text>
            <Text c="dimmed">{data.email}</Text>
          </Section>
          <Section title="Password">
            <PasswordForm />
          </Section>
          <Section title="Two-step sign-in">
            <SecondFactor />
          </Section>
          <Section title="Sessions">
            <Group>
              <Button variant="default" onClick={() => void endOthers()}>
                Sign out on other devices
              </Button>
            </Group>
          </Section>
        </Stack>
      )}
    </>
  );
}
