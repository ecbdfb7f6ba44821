// Creates an API key: its name, owner, scopes and end. The key itself is shown once.
import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { PermissionPicker } from './PermissionPicker.tsx';
import { FormModal } from './parts.tsx';
import { useServiceAccounts } from './ServiceAccounts.tsx';
import { showOnce } from './shown-once.tsx';

const DAY = 86_400_000;

export function CreateKey({ onClose }: { onClose(): void }) {
  const { permissions, email } = useApp();
  const accounts = useServiceAccounts();
  const [name, setName] = useState('');
  const [owner, setOwner] = useState('');
  const [days, setDays] = useState('90');
  const [scopes, setScopes] = useState<string[]>([]);
  const create = useAction(
    async () =>
      (await ask(
        supabase.rpc('create_api_key', {
          name,
          scopes,
          ...(days ? { expires_at: new Date(Date.now() + Number(days) * DAY).toISOString() } : {}),
          ...(owner ? { service_account_id: owner } : {}),
        }),
      )) as unknown as { key: string },
    {
      changes: [['api_keys'], ['audit_log']],
      isQuiet: true,
      onSuccess: ({ key }) => {
        onClose();
        showOnce(`The key ${name}`, key, 'Copy the key now. It is shown only once.');
      },
    },
  );
  return (
    <FormModal
      title="Create an API key"
      action="Create key"
      size="lg"
      onClose={onClose}
      onSubmit={() => create.run()}
      isRunning={create.isRunning}
      error={create.error}
      isReady={scopes.length > 0}
    >
      <TextInput
        label="Name"
        required
        value={name}
        data-autofocus
        description="What uses the key, such as the name of a service."
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Owner"
        value={owner}
        description="A key stops working when its owner leaves. A service account stays."
        data={[
          { value: '', label: email },
          ...(accounts.data ?? [])
            .filter(({ is_active }) => is_active)
            .map((each) => ({ value: each.id, label: `${each.name} (service account)` })),
        ]}
        onChange={(event) => setOwner(event.currentTarget.value)}
      />
      <NativeSelect
        label="Expires"
        value={days}
        data={[
          { value: '7', label: 'In 7 days' },
          { value: '30', label: 'In 30 days' },
          { value: '90', label: 'In 90 days' },
          { value: '365', label: 'In a year' },
          { value: '', label: 'Never' },
        ]}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      <PermissionPicker
        label="Scopes"
        description="Choose at least one. Grant only what the machine needs."
        all={[...permissions].sort()}
        value={scopes}
        onChange={setScopes}
      />
    </FormModal>
  );
}
