// The roles of the application with what each may do, from the database; member managers create, change and delete roles.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { ask, failureOf, useAction, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { Block } from './parts.tsx';
import { RoleForm } from './RoleForm.tsx';
import { RoleMatrix } from './RoleMatrix.tsx';
import { useRoles } from './use-roles.ts';

type Role = Row<'app_roles'>;

/** Every permission that exists: those of the built-in roles. */
function usePermissions() {
  return useAppQuery(['user_roles'], async (signal) => {
    const rows = await ask(supabase.from('user_roles').select('permissions').abortSignal(signal));
    return [...new Set(rows.flatMap(({ permissions }) => permissions))].sort();
  });
}

/** The number of members by role. */
function useMembersByRole() {
  const { code, permissions } = useApp();
  return useAppQuery(
    ['app_members', 'roles'],
    async (signal): Promise<ReadonlyMap<string, number>> => {
      const rows = await ask(
        supabase.from('app_members').select('role').eq('app_code', code).abortSignal(signal),
      );
      const counts = new Map<string, number>();
      for (const { role } of rows) counts.set(role, (counts.get(role) ?? 0) + 1);
      return counts;
    },
    { enabled: permissions.has('member:read') },
  );
}

export default function RolesSection() {
  const { permissions: own } = useApp();
  const mayManage = own.has('member:manage');
  const roles = useRoles();
  const permissions = usePermissions();
  const members = useMembersByRole();
  const [editing, setEditing] = useState<Role | 'new'>();
  const remove = useAction((name: string) => ask(supabase.rpc('delete_role', { name })), {
    success: 'The role is deleted.',
    changes: [['app_roles'], ['audit_log']],
  });
  async function askToDelete({ name, label }: Role): Promise<void> {
    const answer = await confirm({
      title: `Delete the role ${label}?`,
      text: 'A role that members or open tasks have cannot be deleted.',
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run(name);
  }
  const failure = failureOf(roles, permissions, members);
  return (
    <Block
      title="Roles and permissions"
      text="No one can give a permission that they lack."
      actions={mayManage && <Button onClick={() => setEditing('new')}>New role</Button>}
    >
      {failure && <ErrorState {...failure} />}
      {!failure && !(roles.data && permissions.data) && <LoadingState rows={10} height={28} />}
      {roles.data && permissions.data && (
        <RoleMatrix
          roles={roles.data}
          permissions={permissions.data}
          members={members.data}
          actionsOf={(role) => [
            { label: 'Edit', isOffered: mayManage, run: () => setEditing(role) },
            {
              label: 'Delete',
              isDangerous: true,
              isOffered: mayManage && !role.is_built_in,
              run: () => void askToDelete(role),
            },
          ]}
        />
      )}
      {editing && permissions.data && (
        <RoleForm
          role={editing === 'new' ? undefined : editing}
          all={permissions.data}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Block>
  );
}
