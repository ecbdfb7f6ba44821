// The versions of a component, with the health of each, and what changed from one to another.
import { Badge, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { type Column, DataTable } from '../../shared/DataTable.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { LoadingState } from '../../shared/states.tsx';
import { RelativeTime } from '../../shared/Times.tsx';
import { type Component, draftOf, meantVersion } from './draft.ts';
import { type Health, healthInWords } from './health.ts';

const Differences = lazy(() => import('../../run/data/Differences.tsx'));

interface Props {
  versions: readonly Component[];
  /** The id of the one that is open. */
  current: string;
  health: ReadonlyMap<string, Health> | undefined;
  onOpen(id: string): void;
}

export function Versions({ versions, current, health }: Props) {
  const others = versions.filter(({ id }) => id !== current);
  const [otherId, setOther] = useState(others[0]?.id ?? '');
  const meant = meantVersion(versions);
  const open = versions.find(({ id }) => id === current);
  const other = others.find(({ id }) => id === otherId);
  const columns: Column<Component>[] = [
    {
      id: 'version',
      header: 'Version',
      cell: ({ id, version, deprecated }) => (
        <Group gap="xs">
          {id === current ? (
            <Text size="sm" fw={600}>
              {version}
            </Text>
          ) : (
            <AppLink to={`/settings/components?component=${id}`} size="sm">
              {version}
            </AppLink>
          )}
          {id === meant?.id && <Badge variant="default">New publications get it</Badge>}
          {deprecated && <Badge variant="default">Deprecated</Badge>}
        </Group>
      ),
    },
    {
      id: 'state',
      header: 'State',
      hideBelow: 'sm',
      cell: ({ is_active }) => <StatusBadge name={is_active ? 'active' : 'inactive'} />,
    },
    {
      id: 'health',
      header: 'Health',
      hideBelow: 'md',
      cell: ({ id }) => <Text size="sm">{healthInWords(health?.get(id))}</Text>,
    },
    {
      id: 'created',
      header: 'Created',
      hideBelow: 'sm',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
  ];
  return (
    <Stack>
      <DataTable label="Versions" columns={columns} rows={versions} rowId={({ id }) => id} />
      {open && other && (
        <>
          <NativeSelect
            label={`Compare ${open.version} with`}
            maw={240}
            value={otherId}
            data={others.map(({ id, version }) => ({ value: id, label: version }))}
            onChange={(event) => setOther(event.currentTarget.value)}
          />
          <Suspense fallback={<LoadingState rows={3} height={28} />}>
            <Differences
              label={`Differences of ${other.version} and ${open.version}`}
              before={draftOf(other)}
              after={draftOf(open)}
              beforeLabel={other.version}
              afterLabel={open.version}
            />
          </Suspense>
        </>
      )}
    </Stack>
  );
}
