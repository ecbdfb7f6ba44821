// Service accounts: owners of API keys that are no persons.
import { Button, NativeSelect, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { keyStatus } from './key-status.ts';
import { Block, FormModal, RowMenu, Rows } from './parts.tsx';
import { useRoles } from './use-roles.ts';

type Account = Row<'service_accounts'>;
const CHANGES = [['service_accounts'], ['api_keys'], ['audit_log']] as const;

export function useServiceAccounts() {
  return useAppQuery(['service_accounts'], (signal) =>
    ask(supabase.from('service_accounts').select('*').order('name').abortSignal(signal)),
  );
}

function AccountForm({ account, onClose }: { account: Account | undefined; onClose(): void }) {
  const roles = useRoles();
  const [name, setName] = useState(account?.name ?? '');
  const [role, setRole] = useState(account?.role ?? 'developer');
  const [description, setDescription] = useState(account?.description ?? '');
  const save = useAction(
    async () => {
      if (account) {
        const service_account_id = account.id;
        await ask(
          supabase.rpc('update_service_account', { service_account_id, role, description }),
        );
      } else await ask(supabase.rpc('create_service_account', { name, role, description }));
    },
    {
      success: 'The service account is saved.',
      changes: CHANGES,
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title={account ? `Service account ${account.name}` : 'New service account'}
      action="Save"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
    >
      {!account && (
        <TextInput
          label="Name"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
      <NativeSelect
        label="Role"
        value={role}
        data={(roles.data ?? []).map((each) => ({ value: each.name, label: each.label }))}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </FormModal>
  );
}

/** The number of keys of each service account that give access. */
function useKeyCounts(): ReadonlyMap<string, number> | undefined {
  const { data } = useAppQuery(['api_keys', 'by-account'], async (signal) => {
    const keys = await ask(
      supabase
        .from('api_keys')
        .select('service_account_id, revoked_at, expires_at')
        .not('service_account_id', 'is', null)
        .abortSignal(signal),
    );
    const counts = new Map<string, number>();
    for (const key of keys) {
      const id = key.service_account_id ?? '';
      if (keyStatus(key, Date.now()) === 'active') counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  });
  return data;
}

export function ServiceAccounts() {
  const mayManage = useMay('member:manage');
  const accounts = useServiceAccounts();
  const keyCounts = useKeyCounts();
  const [editing, setEditing] = useState<Account | 'new'>();
  const activate = useAction(
    ({ id, is_active }: Pick<Account, 'id' | 'is_active'>) =>
      ask(supabase.rpc('update_service_account', { service_account_id: id, is_active })),
    { success: 'The service account is saved.', changes: CHANGES },
  );
  async function toggle({ id, name, is_active }: Account): Promise<void> {
    const answer =
      !is_active ||
      (await confirm({
        title: `Deactivate ${name}?`,
        text: 'Its API keys give no access until it is active again.',
        action: 'Deactivate',
        isDangerous: true,
      }));
    if (answer) activate.run({ id, is_active: !is_active });
  }
  const columns: Column<Account>[] = [
    {
      id: 'name',
      header: 'Service account',
      cell: ({ name, description }) => (
        <>
          <Text size="sm" fw={500}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        </>
      ),
    },
    { id: 'role', header: 'Role', cell: ({ role }) => role },
    {
      id: 'keys',
      header: 'Active keys',
      align: 'end',
      hideBelow: 'sm',
      cell: ({ id }) => (keyCounts ? (keyCounts.get(id) ?? 0) : '–'),
    },
    {
      id: 'state',
      header: 'State',
      cell: ({ is_active }) => <StatusBadge name={is_active ? 'active' : 'deactivated'} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (account) => (
        <RowMenu
          name={account.name}
          actions={[
            { label: 'Edit', isOffered: mayManage, run: () => setEditing(account) },
            {
              label: account.is_active ? 'Deactivate' : 'Activate',
              isDangerous: account.is_active,
              isOffered: mayManage,
              run: () => void toggle(account),
            },
          ]}
        />
      ),
    },
  ];
  return (
    <Block
      title="Service accounts"
      actions={
        mayManage && (
          <Button variant="default" onClick={() => setEditing('new')}>
            New service account
          </Button>
        )
      }
    >
      <Rows
        query={accounts}
        label="Service accounts"
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No service accounts">
            A service account owns keys that outlive the membership of a person.
          </EmptyState>
        }
      />
      {editing && (
        <AccountForm
          account={editing === 'new' ? undefined : editing}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Block>
  );
}
