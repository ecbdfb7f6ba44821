// Components: one row for each name, with the version that workflows get, its state and health. The address names the
// component that is open.
import { Badge, Button, Group, Text } from '@mantine/core';
import { AppLink, useAddressParam } from '../../shared/address.tsx';
import { useApp } from '../../shared/app.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { words } from '../../shared/format.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { Block, Rows } from '../parts.tsx';
import { byName, type Group as Named } from '../versions.ts';
import { ComponentView } from './ComponentView.tsx';
import { type Component, meantVersion } from './draft.ts';
import { healthInWords, isUnhealthy } from './health.ts';
import { NewComponent } from './NewComponent.tsx';
import { useComponents, useHealth } from './use-components.ts';

export default function ComponentsSection() {
  const { permissions } = useApp();
  const [open, setOpen] = useAddressParam('component');
  const components = useComponents();
  const { data, error, refetch, isFetching } = components;
  if (open !== undefined) {
    if (error) return <ErrorState error={error} retry={() => void refetch()} />;
    if (data === undefined) return <LoadingState rows={6} />;
    if (open === 'new') return <NewComponent onEnd={setOpen} />;
    const component = data.find(({ id }) => id === open);
    if (component === undefined) {
      // One that has just been created is being read.
      if (isFetching) return <LoadingState rows={6} />;
      return (
        <EmptyState
          title="This component does not exist"
          action={<AppLink to="/settings/components">Show all components</AppLink>}
        >
          It was deleted, or it belongs to another application.
        </EmptyState>
      );
    }
    const versions = data.filter(
      ({ name, app_code }) => name === component.name && app_code === component.app_code,
    );
    return <ComponentView key={open} component={component} versions={versions} onOpen={setOpen} />;
  }
  return (
    <Block
      title="Components"
      text="Create them here, or keep them in your code: stepbase push creates them."
      actions={
        permissions.has('component:write') && (
          <Button onClick={() => setOpen('new')}>New component</Button>
        )
      }
    >
      <List components={components} />
    </Block>
  );
}

function List({ components }: { components: ReturnType<typeof useComponents> }) {
  const health = useHealth();
  const newest = ({ versions }: Named<Component>) => meantVersion(versions) ?? versions[0];
  const columns: Column<Named<Component>>[] = [
    {
      id: 'name',
      header: 'Component',
      cell: (group) => {
        const component = newest(group);
        return (
          <>
            <Group gap="xs">
              <AppLink
                to={`/settings/components?component=${component?.id}`}
                size="sm"
                fw={500}
                style={{ overflowWrap: 'anywhere' }}
              >
                {group.name}
              </AppLink>
              {component?.deprecated && <Badge variant="default">Deprecated</Badge>}
              {component?.app_code === null && <Badge variant="default">Of all applications</Badge>}
            </Group>
            <Text size="xs" c="dimmed">
              {component?.description}
            </Text>
          </>
        );
      },
    },
    {
      id: 'version',
      header: 'Version',
      cell: (group) => (
        <>
          <Text size="sm">{newest(group)?.version}</Text>
          {group.versions.length > 1 && (
            <Text size="xs" c="dimmed">
              of {group.versions.length}
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'kind',
      header: 'Implements',
      hideBelow: 'md',
      cell: ({ versions: [first] }) => words(first?.implementation_type ?? ''),
    },
    {
      id: 'health',
      header: 'Health',
      hideBelow: 'lg',
      cell: (group) => {
        const found = health.data?.get(newest(group)?.id ?? '');
        return (
          <Text size="sm" {...(isUnhealthy(found) ? { c: 'var(--sb-danger)' } : {})}>
            {healthInWords(found)}
          </Text>
        );
      },
    },
    {
      id: 'state',
      header: 'State',
      hideBelow: 'sm',
      cell: (group) => <StatusBadge name={newest(group)?.is_active ? 'active' : 'inactive'} />,
    },
  ];
  const { data, error, refetch } = components;
  return (
    <Rows
      query={{ data: data && byName(data), error, refetch }}
      label="Components"
      columns={columns}
      rowId={({ key }) => key}
      empty={
        <EmptyState title="No components">
          Register a service once and use it in every workflow.
        </EmptyState>
      }
    />
  );
}
