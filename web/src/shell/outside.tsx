// Pages outside of an application: the start, which goes to the active application, a new application, and not found.
import { Anchor } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { NewApplication } from '../auth/NewApplication.tsx';
import { appOfToken } from '../auth/session.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { useMemberships, useMembershipsChanged } from './memberships.ts';
import { useShellSession } from './shell-session.tsx';

export function NewApplicationPage() {
  const navigate = useNavigate();
  const { data = [] } = useMemberships();
  const changed = useMembershipsChanged();
  return (
    <NewApplication
      hasApplications={data.some(({ accepted_at }) => accepted_at !== null)}
      onCreated={(appCode) => {
        void changed().then(() => navigate({ to: `/${appCode}` }));
      }}
    />
  );
}

/** Goes to an application once; a component of the router would go again with each render until the page is there. */
function GoTo({ app }: { app: string }) {
  const navigate = useNavigate();
  useEffect(() => {
    void navigate({ to: `/${app}`, replace: true });
  }, [app, navigate]);
  return <LoadingState />;
}

export function StartPage() {
  const active = appOfToken(useShellSession());
  const { data, error, refetch } = useMemberships();
  if (active !== undefined) return <GoTo app={active} />;
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState />;
  const [first] = data.filter(({ accepted_at }) => accepted_at !== null);
  return first ? <GoTo app={first.app_code} /> : <NewApplicationPage />;
}

export function NotFound() {
  return (
    <>
      <PageHeader title="There is no such page" help="internals/web-client">
        The address may be wrong, or it belongs to an application that you are not a member of.
      </PageHeader>
      <Anchor href="#/">Go to the start</Anchor>
    </>
  );
}
