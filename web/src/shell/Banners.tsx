// Banners above the page: offline, a server that does not answer (with the age of the data), and memberships that wait
// for the user's answer.
import { Alert, Button, Group, Text } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { useContact } from '../shared/contact.ts';
import { duration } from '../shared/format.ts';
import { notify } from '../shared/notify.ts';
import { useNow } from '../shared/Times.tsx';
import {
  declineMembership,
  type Membership,
  switchApp,
  useMemberships,
  useMembershipsChanged,
} from './memberships.ts';
import { useShellSession } from './shell-session.tsx';

/** How often a server that does not answer is asked again. */
const RETRY_MS = 5_000;

function Banner({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <Alert color="yellow" role="status" mb="md" p="xs">
      <Group justify="space-between" gap="xs">
        <Text c="var(--mantine-color-text)">{children}</Text>
        {action}
      </Group>
    </Alert>
  );
}

function Age() {
  const { answeredAt } = useContact();
  const now = useNow();
  if (answeredAt === undefined) return null;
  return (
    <> Data as of {duration(Math.max(0, Math.floor((now - answeredAt) / 1_000) * 1_000))} ago.</>
  );
}

function Connection() {
  const { online } = useNetwork();
  const { failedAt } = useContact();
  const client = useQueryClient();
  const isLost = failedAt !== undefined;

  useEffect(() => {
    if (!isLost || !online) return;
    const retrying = setInterval(() => {
      void client.refetchQueries({ type: 'active' }, { cancelRefetch: false });
    }, RETRY_MS);
    return () => {
      clearInterval(retrying);
      void client.invalidateQueries();
    };
  }, [isLost, online, client]);

  if (!online) {
    return (
      <Banner>
        You are offline. <Age />
      </Banner>
    );
  }
  if (!isLost) return null;
  return (
    <Banner
      action={
        <Button variant="default" size="xs" onClick={() => void client.refetchQueries()}>
          Try again
        </Button>
      }
    >
      The server does not answer. The page tries again by itself. <Age />
    </Banner>
  );
}

function Pending({ membership }: { membership: Membership }) {
  const { user } = useShellSession();
  const navigate = useNavigate();
  const changed = useMembershipsChanged();
  const [isBusy, setBusy] = useState(false);
  const { app_code, role } = membership;

  async function answer(work: () => Promise<void>, next?: string): Promise<void> {
    setBusy(true);
    try {
      await work();
      await changed();
      if (next !== undefined) await navigate({ to: next });
    } catch (error) {
      notify.error(error);
    }
    setBusy(false);
  }

  return (
    <Banner
      action={
        <Group gap="xs">
          <Button
            size="xs"
            aria-label={`Accept ${app_code}`}
            disabled={isBusy}
            onClick={() => void answer(() => switchApp(app_code), `/${app_code}`)}
          >
            Accept
          </Button>
          <Button
            size="xs"
            variant="default"
            aria-label={`Decline ${app_code}`}
            disabled={isBusy}
            onClick={() => void answer(() => declineMembership(app_code, user.id))}
          >
            Decline
          </Button>
        </Group>
      }
    >
      Pending: {app_code} ({role})
    </Banner>
  );
}

export function Banners() {
  const { data = [] } = useMemberships();
  return (
    <>
      <Connection />
      {data
        .filter(({ accepted_at }) => accepted_at === null)
        .map((membership) => (
          <Pending key={membership.app_code} membership={membership} />
        ))}
    </>
  );
}
