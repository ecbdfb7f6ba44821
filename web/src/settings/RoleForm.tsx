// Creates a role or changes one.
import { Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask, useAction } from '../shared/query.ts';
import { type Row, supabase } from '../shared/supabase.ts';
import { PermissionPicker } from './PermissionPicker.tsx';
import { FormModal } from './parts.tsx';

interface Props {
  role: Row<'app_roles'> | undefined;
  all: readonly string[];
  onClose(): void;
}

export function RoleForm({ role, all, onClose }: Props) {
  const [name, setName] = useState(role?.name ?? '');
  const [label, setLabel] = useState(role?.label ?? '');
  const [description, setDescription] = useState(role?.description ?? '');
  const [permissions, setPermissions] = useState(role?.permissions ?? []);
  const save = useAction(
    async () => {
      const values = { name, description, permissions, ...(label ? { label } : {}) };
      if (role) await ask(supabase.rpc('update_role', values));
      else await ask(supabase.rpc('create_role', values));
    },
    {
      success: 'The role is saved.',
      changes: [['app_roles'], ['audit_log']],
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title={role ? `Role ${role.label}` : 'New role'}
      action="Save role"
      size="lg"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
    >
      {!role && (
        <TextInput
          label="Name"
          required
          value={name}
          description="Lower-case letters, digits and underscores. It does not change."
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
      <TextInput
        label="Label"
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
      <Textarea
        label="Description"
        value={description}
        autosize
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <PermissionPicker
        label="Permissions"
        all={all}
        value={permissions}
        onChange={setPermissions}
      />
    </FormModal>
  );
}
