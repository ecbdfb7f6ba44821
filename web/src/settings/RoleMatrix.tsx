// The permissions of each role as a table: groups of permissions as rows, roles as columns.
import { Group, Table, Text } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { Fragment } from 'react';
import type { Row } from '../shared/supabase.ts';
import { type RowAction, RowMenu } from './parts.tsx';
import { grouped, PERMISSION_TEXTS } from './permission-texts.ts';
import classes from './SettingsPage.module.css';

type Role = Row<'app_roles'>;

interface Props {
  roles: readonly Role[];
  permissions: readonly string[];
  /** How many members have each role; undefined if the user does not read members. */
  members: ReadonlyMap<string, number> | undefined;
  actionsOf(role: Role): RowAction[];
}

const inWords = (count: number) => (count === 1 ? 'one member' : `${count} members`);

export function RoleMatrix({ roles, permissions, members, actionsOf }: Props) {
  return (
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
            {roles.map((role) => (
              <Table.Th key={role.name}>
                <Group gap={4} wrap="nowrap">
                  <Text size="sm" fw={600} title={role.description}>
                    {role.label}
                  </Text>
                  <RowMenu name={`the role ${role.label}`} actions={actionsOf(role)} />
                </Group>
                {members && (
                  <Text size="xs" c="dimmed" className={classes.nowrap}>
                    {inWords(members.get(role.name) ?? 0)}
                  </Text>
                )}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {grouped(permissions).map((group) => (
            <Fragment key={group.label}>
              <Table.Tr>
                <Table.Th scope="rowgroup" colSpan={roles.length + 1} className={classes.group}>
                  {group.label}
                </Table.Th>
              </Table.Tr>
              {group.permissions.map((permission) => (
                <Table.Tr key={permission}>
                  <Table.Th scope="row" fw={400}>
                    <span className="mono">{permission}</span>
                    <Text size="xs" c="dimmed">
                      {PERMISSION_TEXTS[permission]}
                    </Text>
                  </Table.Th>
                  {roles.map((role) => (
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
            </Fragment>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
