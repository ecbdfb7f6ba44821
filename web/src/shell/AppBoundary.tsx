// The pages of one application. The address decides which: if the token is for another application, the window switches
// as soon as a person looks at it. A window that another one has made stale shows that, and reads nothing meanwhile,
// because its requests would be for the other application.
import { Alert, Button, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Outlet } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { appOfToken } from '../auth/session.ts';
import { usePathParam } from '../shared/address.tsx';
import { type App, AppProvider } from '../shared/app.tsx';
import { usePause } from '../shared/pause.ts';
import { ErrorState } from '../shared/states.tsx';
import { type Membership, permissionsQuery, switchApp, useMemberships } from './memberships.ts';
import { NotFound } from './outside.tsx';
import { AppError, PagePending } from './page-states.tsx';
import { useShellSession } from './shell-session.tsx';

const isSeen = () => document.visibilityState === 'visible';

/** Switches when a person looks at the window. */
function useActive(code: string) {
  const isCurrent = appOfToken(useShellSession()) === code;
  const [error, setError] = useState<unknown>();
  const isBusy = useRef(false);

  const activate = useCallback(async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    setError(undefined);
    try {
      await switchApp(code);
    } catch (problem) {
      setError(problem);
    }
    isBusy.current = false;
  }, [code]);

  // The window was opened with this address. Later changes of the token come from other windows.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address switches by itself
  useEffect(() => {
    if (!isCurrent && isSeen()) void activate();
  }, [code]);

  useEffect(() => {
    if (isCurrent) return;
    const look = () => {
      if (isSeen()) void activate();
    };
    window.addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      window.removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [isCurrent, activate]);

  usePause('other_application', !isCurrent);
  return { isCurrent, activate, error };
}

function Member({ membership }: { membership: Membership }) {
  const { user } = useShellSession();
  const { isCurrent, activate, error } = useActive(membership.app_code);
  const permissions = useQuery({
    ...permissionsQuery(membership.app_code, membership.role),
    enabled: isCurrent,
  });

  if (permissions.data === undefined) {
    const problem = error ?? permissions.error;
    if (!problem) return <PagePending />;
    const retry = () => void (error ? activate() : permissions.refetch());
    return <AppError error={problem} retry={retry} />;
  }
  const app: App = {
    code: membership.app_code,
    name: membership.name,
    organizationId: membership.organization_id,
    organization: membership.organization_name,
    role: membership.role,
    permissions: permissions.data,
    userId: user.id,
    email: user.email ?? '',
  };
  return (
    <AppProvider app={app}>
      {!isCurrent && (
        <Alert color="yellow" role="status" mb="md">
          <Group justify="space-between">
            <Text c="var(--mantine-color-text)">
              Another window has switched to another application. This page is not updated.
            </Text>
            <Button variant="default" size="xs" onClick={() => void activate()}>
              Switch back to {app.name}
            </Button>
          </Group>
        </Alert>
      )}
      {error !== undefined && <ErrorState error={error} retry={() => void activate()} />}
      <Outlet />
    </AppProvider>
  );
}

export function AppBoundary() {
  const code = usePathParam('app');
  const { data, error, refetch } = useMemberships();
  if (data === undefined) {
    return error ? <AppError error={error} retry={() => void refetch()} /> : <PagePending />;
  }
  const membership = data.find((each) => each.app_code === code && each.accepted_at !== null);
  return membership ? <Member key={code} membership={membership} /> : <NotFound />;
}
