// What each role may do, as a matrix from the database; member managers create, change and delete roles.
import { Button, Group, Stack, Table, Text } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { Block, RowMenu } from './parts.tsx';
import { RoleForm } from './RoleForm.tsx';
import { useRoles } from './use-roles.ts';

/** Every permission that exists: those of the built-in roles. */
function usePermissions() {
  return useAppQuery(['user_roles'], async (signal) => {
    const rows = await ask(supabase.from('user_roles').select('permissions').abortSignal(signal));
    return [...new Set(rows.flatMap(({ permissions }) => permissions))].sort();
  });
}

export default function RolesSection() {
  const mayManage = useMay('member:manage');
  const roles = useRoles();
  const permissions = usePermissions();
  const [editing, setEditing] = useState<Row<'app_roles'> | 'new'>();
  const remove = useAction((name: string) => ask(supabase.rpc('delete_role', { name })), {
    success: 'The role is deleted.',
    changes: [['app_roles'], ['audit_log']],
  });
  async function askToDelete({ name, label }: Row<'app_roles'>): Promise<void> {
    const answer = await confirm({
      title: `Delete the role ${label}?`,
      text: 'A role that members or open tasks have cannot be deleted.',
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run(name);
  }
  const error = roles.error ?? permissions.error;
  return (
    <Block
      title="Roles and permissions"
      actions={mayManage && <Button onClick={() => setEditing('new')}>New role</Button>}
    >
      {error && <ErrorState error={error} retry={() => void roles.refetch()} />}
      {!error && !(roles.data && permissions.data) && <LoadingState rows={10} height={28} />}
      {roles.data && permissions.data && (
        <Table.ScrollContainer
          minWidth={320}
          scrollAreaProps={{
            viewportProps: { tabIndex: 0, 'aria-label': 'Roles', role: 'region' },
          }}
        >
          <Table verticalSpacing={6} aria-label="Roles and their permissions">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Permission</Table.Th>
                {roles.data.map((role) => (
                  <Table.Th key={role.name}>
                    <Group gap={4} wrap="nowrap">
                      <Text size="sm" fw={600} title={role.description}>
                        {role.label}
                      </Text>
                      <RowMenu
                        name={`the role ${role.label}`}
                        actions={[
                          { label: 'Edit', isOffered: mayManage, run: () => setEditing(role) },
                          {
                            label: 'Delete',
                            isDangerous: true,
                            isOffered: mayManage && !role.is_built_in,
                            run: () => void askToDelete(role),
                          },
                        ]}
                      />
                    </Group>
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {permissions.data.map((permission) => (
                <Table.Tr key={permission}>
                  <Table.Th scope="row" fw={400} className="mono">
                    {permission}
                  </Table.Th>
                  {roles.data.map((role) => (
                    <Table.Td key={role.name}>
                      {role.permissions.includes(permission) ? (
                        <IconCheck size={16} role="img" aria-label="yes" />
                      ) : (
                        <Text size="sm" c="dimmed">
                          no
                        </Text>
                      )}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Stack>
        {editing && permissions.data && (
          <RoleForm
            role={editing === 'new' ? undefined : editing}
            all={permissions.data}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Stack>
    </Block>
  );
}
