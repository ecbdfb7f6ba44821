// The select of the application: it goes to the same kind of page in the other application.
import { NativeSelect } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useMemberships } from './memberships.ts';

const NEW = '-/new-application';

export function AppSelect({ app }: { app: string | undefined }) {
  const navigate = useNavigate();
  const { data = [] } = useMemberships();
  const apps = data.filter(({ accepted_at }) => accepted_at !== null);
  if (apps.length === 0) return null;
  return (
    <NativeSelect
      aria-label="Application"
      size="sm"
      miw={0}
      value={app ?? ''}
      onChange={(event) => void navigate({ to: `/${event.currentTarget.value}` })}
    >
      {!apps.some(({ app_code }) => app_code === app) && <option value="">Choose</option>}
      {apps.map(({ app_code, name }) => (
        <option key={app_code} value={app_code}>
          {name}
        </option>
      ))}
      <option value={NEW}>New application…</option>
    </NativeSelect>
  );
}
