// Components: their versions, state and health. Members with component:write turn a version off, deprecate it, and rotate
// the secret that signs its calls.
import { Badge, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { count, duration, words } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { ComponentDetails } from './ComponentDetails.tsx';
import { Block, RowMenu, Rows } from './parts.tsx';
import { showOnce } from './shown-once.tsx';
import { newestFirst } from './versions.ts';

export type Component = Row<'components'>;
const CHANGES = [['components'], ['audit_log']] as const;

interface Health {
  executions: number;
  failures: number;
  duration: number;
}

/** The executions of each component in all workflows. */
function useHealth() {
  return useAppQuery(['activity_statistics', 'components'], async (signal) => {
    const rows = await ask(
      supabase
        .from('activity_statistics')
        .select('component_id, execution_count, failure_count, avg_duration_ms')
        .not('component_id', 'is', null)
        .abortSignal(signal),
    );
    const byId = new Map<string, Health>();
    for (const row of rows) {
      const id = row.component_id ?? '';
      const known = byId.get(id) ?? { executions: 0, failures: 0, duration: 0 };
      const executions = known.executions + row.execution_count;
      const total = known.duration * known.executions + row.avg_duration_ms * row.execution_count;
      byId.set(id, {
        executions,
        failures: known.failures + row.failure_count,
        duration: executions === 0 ? 0 : total / executions,
      });
    }
    return byId;
  });
}

export default function ComponentsSection() {
  const { code, permissions } = useApp();
  const mayWrite = permissions.has('component:write');
  const [shown, setShown] = useState<Component>();
  const health = useHealth();
  const components = useAppQuery(['components'], async (signal) =>
    newestFirst(
      await ask(supabase.from('components').select('*').is('deleted_at', null).abortSignal(signal)),
    ),
  );
  const change = useAction(
    ({
      id,
      ...values
    }: Pick<Component, 'id'> & Partial<Pick<Component, 'is_active' | 'deprecated'>>) =>
      ask(supabase.from('components').update(values).eq('id', id).select('id').single()),
    { success: 'The component is saved.', changes: CHANGES },
  );
  const rotate = useAction(
    async (component_id: string) =>
      (await ask(
        supabase.rpc('rotate_component_secret', { component_id, overlap_seconds: 86_400 }),
      )) as unknown as { secret: string },
    {
      changes: CHANGES,
      onSuccess: ({ secret }) =>
        showOnce(
          'The signing secret',
          secret,
          'Store the secret at the service now. It is shown only once.',
        ),
    },
  );
  async function askToRotate({ id, name }: Component): Promise<void> {
    const answer = await confirm({
      title: `Rotate the secret of ${name}?`,
      text: 'Calls carry a signature by both secrets for a day.',
      action: 'Rotate secret',
    });
    if (answer) rotate.run(id);
  }
  const columns: Column<Component>[] = [
    {
      id: 'name',
      header: 'Component',
      cell: ({ name, description, deprecated, app_code }) => (
        <>
          <Group gap="xs">
            <Text size="sm" fw={500}>
              {name}
            </Text>
            {deprecated && <Badge variant="default">Deprecated</Badge>}
            {app_code === null && <Badge variant="default">Of all applications</Badge>}
          </Group>
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        </>
      ),
    },
    { id: 'version', header: 'Version', cell: ({ version }) => version },
    {
      id: 'kind',
      header: 'Implements',
      hideBelow: 'md',
      cell: ({ implementation_type }) => words(implementation_type),
    },
    {
      id: 'health',
      header: 'Health',
      hideBelow: 'lg',
      cell: ({ id }) => {
        const found = health.data?.get(id);
        if (!found || found.executions === 0) return <Text size="sm">Not called yet</Text>;
        return (
          <Text size="sm">
            {count(found.executions)} calls, {count(found.failures)} failed,{' '}
            {duration(found.duration)}
          </Text>
        );
      },
    },
    {
      id: 'state',
      header: 'State',
      hideBelow: 'sm',
      cell: ({ is_active }) => <StatusBadge name={is_active ? 'active' : 'inactive'} />,
    },
    {
      id: 'actions',
      header: '',
      align: 'end',
      cell: (component) => {
        const isOffered = mayWrite && component.app_code === code;
        const { id, is_active, deprecated } = component;
        return (
          <RowMenu
            name={`${component.name} ${component.version}`}
            actions={[
              { label: 'Open', run: () => setShown(component) },
              {
                label: is_active ? 'Turn off' : 'Turn on',
                isOffered,
                run: () => change.run({ id, is_active: !is_active }),
              },
              {
                label: deprecated ? 'Stop deprecating' : 'Deprecate',
                isOffered,
                run: () => change.run({ id, deprecated: !deprecated }),
              },
              {
                label: 'Rotate the secret',
                isOffered: isOffered && component.implementation_type === 'service_task',
                run: () => void askToRotate(component),
              },
            ]}
          />
        );
      },
    },
  ];
  return (
    <Block title="Components" text="stepbase push creates components from your code.">
      <Rows
        query={components}
        label="Components"
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No components">
            Register a service once and use it in every workflow.
          </EmptyState>
        }
      />
      {shown && <ComponentDetails component={shown} onClose={() => setShown(undefined)} />}
    </Block>
  );
}
