// The second factor of the user: set up an authenticator app, or remove it. A project can have the feature switched off;
// Auth says so when it is asked to add a factor.
import { Button, Code, Group, Image, Stack, Text, TextInput } from '@mantine/core';
import type { Factor } from '@supabase/auth-js';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { auth } from '../shared/auth.ts';
import { confirm } from '../shared/confirm.tsx';
import { notify } from '../shared/notify.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { RelativeTime } from '../shared/Times.tsx';
import { Problem } from './Problem.tsx';
import { useAuthCall } from './use-auth-call.ts';

interface Enrolment {
  id: string;
  /** A picture of the code as a data address. */
  picture: string;
  secret: string;
}

const OFF = ['mfa_totp_enroll_not_enabled', 'mfa_disabled', 'not_implemented'];

function Enrol({ enrolment, onEnd }: { enrolment: Enrolment; onEnd(): void }) {
  const { problem, isBusy, run } = useAuthCall();
  const [code, setCode] = useState('');

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const verified = await run(() =>
      auth.mfa.challengeAndVerify({ factorId: enrolment.id, code: code.trim() }),
    );
    if (!verified) return;
    notify.success('Two-step sign-in is on.');
    onEnd();
  }

  async function giveUp(): Promise<void> {
    await auth.mfa.unenroll({ factorId: enrolment.id });
    onEnd();
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack maw={420}>
        <Text>Scan the picture with your authenticator app, or enter the key there.</Text>
        <Image src={enrolment.picture} alt="The key as a QR code" w={180} h={180} bg="white" />
        <Text>
          Key: <Code>{enrolment.secret}</Code>
        </Text>
        <TextInput
          label="Code that the app shows"
          inputMode="numeric"
          autoComplete="one-time-code"
          // The button that opens this form is replaced by it.
          autoFocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          required
          withAsterisk={false}
        />
        <Problem text={problem} />
        <Group>
          <Button type="submit" loading={isBusy}>
            Turn on
          </Button>
          <Button variant="default" onClick={() => void giveUp()}>
            Not now
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function SecondFactor() {
  const { problem, code, isBusy, run } = useAuthCall();
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const factors = useQuery({
    queryKey: ['', 'factors'],
    queryFn: async () => {
      const { data, error } = await auth.mfa.listFactors();
      if (error) throw error;
      return data.all;
    },
  });

  async function setUp(): Promise<void> {
    // A factor that was not confirmed is in the way of another one.
    for (const { id, status } of factors.data ?? []) {
      if (status === 'unverified') await auth.mfa.unenroll({ factorId: id });
    }
    const answer = await run(() =>
      auth.mfa.enroll({
        factorType: 'totp',
        friendlyName: 'Authenticator app',
        issuer: 'Stepbase',
      }),
    );
    if (!answer?.data) return;
    const { id, totp } = answer.data;
    setEnrolment({ id, picture: totp.qr_code, secret: totp.secret });
  }

  async function remove(factor: Factor): Promise<void> {
    const confirmed = await confirm({
      title: 'Turn off two-step sign-in?',
      text: 'After that, your password alone signs you in.',
      action: 'Turn off',
      isDangerous: true,
    });
    if (!confirmed) return;
    await run(() => auth.mfa.unenroll({ factorId: factor.id }));
    await factors.refetch();
  }

  if (factors.error) {
    return <ErrorState error={factors.error} retry={() => void factors.refetch()} />;
  }
  if (factors.data === undefined) return <LoadingState rows={1} />;
  if (enrolment) {
    return (
      <Enrol
        enrolment={enrolment}
        onEnd={() => {
          setEnrolment(undefined);
          void factors.refetch();
        }}
      />
    );
  }
  if (code !== undefined && OFF.includes(code)) {
    return (
      <Text role="status" c="dimmed">
        This project has two-step sign-in switched off.
      </Text>
    );
  }
  const verified = factors.data.filter(({ status }) => status === 'verified');
  return (
    <Stack align="flex-start">
      <Text c="dimmed">
        After your password, the sign-in asks for a code from an app on your phone.
      </Text>
      {verified.map((factor) => (
        <Group key={factor.id}>
          <Text>
            {factor.friendly_name ?? 'Authenticator app'}, added{' '}
            <RelativeTime at={factor.created_at} />
          </Text>
          <Button size="xs" variant="default" loading={isBusy} onClick={() => void remove(factor)}>
            Turn off
          </Button>
        </Group>
      ))}
      <Problem text={problem} />
      {verified.length === 0 && (
        <Button variant="default" loading={isBusy} onClick={() => void setUp()}>
          Set up
        </Button>
      )}
    </Stack>
  );
}
