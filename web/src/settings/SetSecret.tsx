// Stores a new secret or a new version of one, with the hosts that may receive it.
import { PasswordInput, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { FormModal } from './parts.tsx';
import type { Secret } from './SecretsSection.tsx';

export function SetSecret({ secret, onClose }: { secret: Secret | undefined; onClose(): void }) {
  const [name, setName] = useState(secret?.name ?? '');
  const [value, setValue] = useState('');
  const [hosts, setHosts] = useState<string[]>(secret?.allowed_hosts ?? []);
  const save = useAction(
    async () =>
      (await ask(
        supabase.rpc('set_secret', {
          name,
          value,
          ...(hosts.length > 0 ? { allowed_hosts: hosts } : {}),
        }),
      )) as unknown as { version: number },
    {
      success: ({ version }) => `${name} has version ${version}.`,
      changes: [['secrets'], ['audit_log']],
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title={secret ? `A new value of ${secret.name}` : 'New secret'}
      action="Store secret"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
      isReady={name !== '' && value !== ''}
    >
      {!secret && (
        <TextInput
          label="Name"
          required
          value={name}
          description="Steps read it as {{ secrets.<name> }}."
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
      <PasswordInput
        label="Value"
        required
        value={value}
        autoComplete="off"
        description="It cannot be read back."
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      <TagsInput
        label="Allowed hosts"
        value={hosts}
        description="Hosts that may receive it, such as api.example.com or *.example.com. * allows every host."
        placeholder={hosts.length === 0 ? 'Type a host and press Enter' : ''}
        onChange={setHosts}
      />
    </FormModal>
  );
}
