// The members of the application: roles and removal. The invitations and requests about personal data are below them.
import { Badge, Button, Group, NativeSelect, Text } from '@mantine/core';
import { useState } from 'react';
import { useApp, useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Invitations } from './Invitations.tsx';
import { InviteMember } from './InviteMember.tsx';
import { PersonalData } from './PersonalData.tsx';
import { Block, FormModal, nameOf, RowMenu, Rows, usePeople } from './parts.tsx';
import { useRoles } from './use-roles.ts';

interface Member {
  user_id: string;
  role: string;
  accepted_at: string | null;
  created_at: string;
}

const CHANGES = [['app_members'], ['users'], ['audit_log']] as const;
const texts = { conflict: 'This is the last admin. Make another member admin first.' };

function ChangeRole(props: { member: Member; name: string; onClose(): void }) {
  const { member, name, onClose } = props;
  const roles = useRoles();
  const [role, setRole] = useState(member.role);
  const save = useAction(
    () => ask(supabase.rpc('set_member_role', { user_id: member.user_id, role })),
    {
      success: `${name} has the role ${role}.`,
      changes: CHANGES,
      texts,
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title={`Role of ${name}`}
      action="Change role"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
      isReady={role !== member.role}
    >
      <NativeSelect
        label="Role"
        value={role}
        data={(roles.data ?? []).map((each) => ({ value: each.name, label: each.label }))}
        description="The change takes effect with the member's next request."
        onChange={(event) => setRole(event.currentTarget.value)}
      />
    </FormModal>
  );
}

export default function MembersSection() {
  const { code, userId } = useApp();
  const mayManage = useMay('member:manage');
  const people = usePeople();
  const [isInviting, setInviting] = useState(false);
  const [changing, setChanging] = useState<Member>();
  const members = useAppQuery(['app_members'], (signal) =>
    ask(
      supabase
        .from('app_members')
        .select('user_id, role, accepted_at, created_at')
        // A person also reads their own memberships of other applications.
        .eq('app_code', code)
        .order('created_at')
        .abortSignal(signal),
    ),
  );
  const signIns = useAppQuery(
    ['app_members', 'sign-ins'],
    async (signal) => {
      const rows = await ask(supabase.rpc('list_sign_ins').abortSignal(signal));
      return new Map(rows.map(({ user_id, last_login_at }) => [user_id, last_login_at]));
    },
    { enabled: mayManage },
  );
  const remove = useAction((user_id: string) => ask(supabase.rpc('remove_member', { user_id })), {
    success: 'The member is removed.',
    changes: CHANGES,
    texts,
  });

  async function askToRemove({ user_id }: Member): Promise<void> {
    const name = nameOf(people, user_id);
    const answer = await confirm({
      title: `Remove ${name}?`,
      text: 'The member loses access at once, and the API keys that the member owns stop working.',
      action: 'Remove',
      isDangerous: true,
    });
    if (answer) remove.run(user_id);
  }

  const columns: Column<Member>[] = [
    {
      id: 'member',
      header: 'Member',
      cell: ({ user_id, accepted_at }) => (
        <Group gap="xs">
          <div>
            <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
              {nameOf(people, user_id)}
            </Text>
            {people.get(user_id)?.display_name && (
              <Text size="xs" c="dimmed">
                {people.get(user_id)?.display_name}
              </Text>
            )}
          </div>
          {user_id === userId && <Badge variant="default">You</Badge>}
          {accepted_at === null && <Badge variant="default">Has not accepted</Badge>}
        </Group>
      ),
    },
    { id: 'role', header: 'Role', cell: ({ role }) => role },
    {
      id: 'since',
      header: 'Member since',
      hideBelow: 'sm',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
    ...(mayManage
      ? [
          {
            id: 'sign-in',
            header: 'Last sign-in',
            hideBelow: 'md',
            cell: ({ user_id, accepted_at }: Member) => {
              const at = signIns.data?.get(user_id);
              if (at) return <RelativeTime at={at} />;
              return signIns.data && accepted_at !== null ? 'Never' : null;
            },
          } as const,
        ]
      : []),
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (member) => (
        <RowMenu
          name={nameOf(people, member.user_id)}
          actions={[
            { label: 'Change role', isOffered: mayManage, run: () => setChanging(member) },
            {
              label: 'Remove from the application',
              isDangerous: true,
              isOffered: mayManage && member.user_id !== userId,
              run: () => void askToRemove(member),
            },
          ]}
        />
      ),
    },
  ];

  return (
    <>
      <Block
        title="Members"
        actions={mayManage && <Button onClick={() => setInviting(true)}>Invite a member</Button>}
      >
        <Rows
          query={members}
          label="Members"
          columns={columns}
          rowId={({ user_id }) => user_id}
          empty={<EmptyState title="No members" />}
        />
      </Block>
      {mayManage && <Invitations />}
      {mayManage && <PersonalData />}
      {isInviting && <InviteMember onClose={() => setInviting(false)} />}
      {changing && (
        <ChangeRole
          member={changing}
          name={nameOf(people, changing.user_id)}
          onClose={() => setChanging(undefined)}
        />
      )}
    </>
  );
}
