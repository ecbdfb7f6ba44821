// API keys: create, rotate with an overlap, revoke. The service accounts that own keys are below them.
import { Button, Group, NativeSelect, Text } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { dateTime } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { CreateKey } from './CreateKey.tsx';
import { keyStatus } from './key-status.ts';
import { Block, FormModal, nameOf, RowMenu, Rows, usePeople } from './parts.tsx';
import { ServiceAccounts, useServiceAccounts } from './ServiceAccounts.tsx';
import { showOnce } from './shown-once.tsx';

type Key = Row<'api_keys'>;
const CHANGES = [['api_keys'], ['audit_log']] as const;
export const SHOWN_ONCE = 'Copy the key now. It is shown only once.';

function RotateKey({ apiKey, onClose }: { apiKey: Key; onClose(): void }) {
  const [overlap, setOverlap] = useState('86400');
  const rotate = useAction(
    async () =>
      (await ask(
        supabase.rpc('rotate_api_key', {
          api_key_id: apiKey.id,
          overlap_seconds: Number(overlap),
        }),
      )) as unknown as { key: string; overlap_ends_at: string | null },
    {
      changes: CHANGES,
      isQuiet: true,
      onSuccess: ({ key }) => {
        onClose();
        showOnce(`The new key of ${apiKey.name}`, key, SHOWN_ONCE);
      },
    },
  );
  return (
    <FormModal
      title={`Rotate ${apiKey.name}`}
      action="Rotate key"
      onClose={onClose}
      onSubmit={() => rotate.run()}
      isRunning={rotate.isRunning}
      error={rotate.error}
    >
      <NativeSelect
        label="The replaced key stays valid for"
        value={overlap}
        data={[
          { value: '0', label: 'no time' },
          { value: '3600', label: 'an hour' },
          { value: '86400', label: 'a day' },
          { value: '604800', label: 'a week' },
        ]}
        onChange={(event) => setOverlap(event.currentTarget.value)}
      />
    </FormModal>
  );
}

export default function KeysSection() {
  const mayManage = useMay('key:manage');
  const people = usePeople();
  const accounts = useServiceAccounts();
  const [isCreating, setCreating] = useState(false);
  const [rotating, setRotating] = useState<Key>();
  const keys = useAppQuery(['api_keys'], (signal) =>
    ask(
      supabase
        .from('api_keys')
        .select('*')
        .order('created_at', { ascending: false })
        .abortSignal(signal),
    ),
  );
  const revoke = useAction(
    (api_key_id: string) => ask(supabase.rpc('revoke_api_key', { api_key_id })),
    { success: 'The key is revoked.', changes: CHANGES },
  );
  const adopt = useAction(
    (api_key_id: string) => ask(supabase.rpc('adopt_api_key', { api_key_id })),
    { success: 'You own the key.', changes: CHANGES },
  );
  const hasOwner = ({ owner_id, service_account_id }: Key) =>
    service_account_id !== null || (owner_id !== null && people.has(owner_id));
  async function askToAdopt({ id, name }: Key): Promise<void> {
    const answer = await confirm({
      title: `Become the owner of ${name}?`,
      text: 'Its owner has left, so it gives no access. As yours it works again, with at most your permissions.',
      action: 'Become the owner',
    });
    if (answer) adopt.run(id);
  }
  async function askToRevoke({ id, name }: Key): Promise<void> {
    const answer = await confirm({
      title: `Revoke ${name}?`,
      text: 'Requests with this key fail at once. A revoked key cannot be used again.',
      action: 'Revoke',
      isDangerous: true,
    });
    if (answer) revoke.run(id);
  }
  const ownerOf = (key: Key) =>
    accounts.data?.find(({ id }) => id === key.service_account_id)?.name ??
    (nameOf(people, key.owner_id) || 'no owner');

  const columns: Column<Key>[] = [
    {
      id: 'name',
      header: 'Key',
      cell: ({ name, prefix, overlap_ends_at, revoked_at }) => (
        <>
          <Text size="sm" fw={500}>
            {name}
          </Text>
          <Text size="xs" c="dimmed" className="mono">
            {prefix}…
          </Text>
          {revoked_at === null && overlap_ends_at && Date.parse(overlap_ends_at) > Date.now() && (
            <Text size="xs" c="dimmed">
              The earlier key is valid until {dateTime(overlap_ends_at)}.
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'status',
      header: 'Status',
      cell: (key) => <StatusBadge name={keyStatus(key, Date.now())} />,
    },
    { id: 'owner', header: 'Owner', hideBelow: 'lg', cell: (key) => ownerOf(key) },
    {
      id: 'scopes',
      header: 'Scopes',
      hideBelow: 'md',
      cell: ({ scopes }) => (
        <Text size="sm" title={scopes.join('\n')}>
          {scopes.length <= 2 ? scopes.join(', ') : `${scopes.length} permissions`}
        </Text>
      ),
    },
    {
      id: 'used',
      header: 'Last used',
      hideBelow: 'sm',
      cell: ({ last_used_at }) =>
        last_used_at ? <RelativeTime at={last_used_at} /> : <Text size="sm">Never</Text>,
    },
    {
      id: 'expires',
      header: 'Expires',
      hideBelow: 'lg',
      cell: ({ expires_at }) =>
        expires_at ? <RelativeTime at={expires_at} /> : <Text size="sm">Never</Text>,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (key) => {
        const isActive = keyStatus(key, Date.now()) === 'active';
        return (
          <RowMenu
            name={key.name}
            actions={[
              {
                label: 'Become the owner',
                isOffered: mayManage && isActive && people.size > 0 && !hasOwner(key),
                run: () => void askToAdopt(key),
              },
              { label: 'Rotate', isOffered: mayManage && isActive, run: () => setRotating(key) },
              {
                label: 'Revoke',
                isDangerous: true,
                isOffered: mayManage && isActive,
                run: () => void askToRevoke(key),
              },
            ]}
          />
        );
      },
    },
  ];
  return (
    <>
      <Block
        title="API keys"
        actions={
          mayManage && (
            <Group>
              <Button onClick={() => setCreating(true)}>Create a key</Button>
            </Group>
          )
        }
      >
        <Rows
          query={keys}
          label="API keys"
          columns={columns}
          rowId={({ id }) => id}
          empty={
            <EmptyState title="No API keys">
              Create one to start runs from another machine.
            </EmptyState>
          }
        />
      </Block>
      <ServiceAccounts />
      {isCreating && <CreateKey onClose={() => setCreating(false)} />}
      {rotating && <RotateKey apiKey={rotating} onClose={() => setRotating(undefined)} />}
    </>
  );
}
