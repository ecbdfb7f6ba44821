// Invites an address: the person gets a mail with a link.
import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { FormModal } from './parts.tsx';
import { useRoles } from './use-roles.ts';

export function InviteMember({ onClose }: { onClose(): void }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState('viewer');
  const roles = useRoles();
  const invite = useAction(() => ask(supabase.rpc('invite_member', { email, role })), {
    success: `The invitation is on its way to ${email}.`,
    changes: [['invitations'], ['audit_log']],
    onSuccess: onClose,
    isQuiet: true,
  });
  return (
    <FormModal
      title="Invite a member"
      action="Send invitation"
      onClose={onClose}
      onSubmit={() => invite.run()}
      isRunning={invite.isRunning}
      error={invite.error}
    >
      <TextInput
        label="E-mail"
        type="email"
        required
        value={email}
        data-autofocus
        description="The person gets a link that works once, for seven days."
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        value={role}
        data={(roles.data ?? []).map((each) => ({ value: each.name, label: each.label }))}
        description={roles.data?.find((each) => each.name === role)?.description}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
    </FormModal>
  );
}
