// The invitations of the application, newest first, with what became of their mail.
import { Text } from '@mantine/core';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ListView } from '../shared/ListView.tsx';
import { ask, useAction } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { keysetPage, useList } from '../shared/use-list.ts';
import { Block, RowMenu } from './parts.tsx';

type Invitation = Row<'invitations'>;
const CHANGES = [['invitations'], ['audit_log']] as const;

export function Invitations() {
  const list = useList<Invitation>({
    key: ['invitations'],
    page: (cursor, signal) =>
      keysetPage<Invitation>(supabase.from('invitations').select('*').abortSignal(signal), cursor, {
        columns: ['created_at', 'id'],
      }),
  });
  const resend = useAction((id: string) => ask(supabase.rpc('resend_invitation', { id })), {
    success: 'A new link is on its way. The earlier link no longer works.',
    changes: CHANGES,
  });
  const revoke = useAction((id: string) => ask(supabase.rpc('revoke_invitation', { id })), {
    success: 'The invitation is revoked.',
    changes: CHANGES,
  });
  async function askToRevoke({ id, email }: Invitation): Promise<void> {
    const answer = await confirm({
      title: `Revoke the invitation of ${email}?`,
      text: 'Its link stops working at once.',
      action: 'Revoke',
      isDangerous: true,
    });
    if (answer) revoke.run(id);
  }
  const columns: Column<Invitation>[] = [
    {
      id: 'email',
      header: 'E-mail',
      cell: ({ email, mail_error }) => (
        <>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {email}
          </Text>
          {mail_error && (
            <Text size="xs" c="var(--sb-danger)">
              The mail failed: {mail_error}
            </Text>
          )}
        </>
      ),
    },
    { id: 'role', header: 'Role', hideBelow: 'sm', cell: ({ role }) => role },
    { id: 'status', header: 'Status', cell: ({ status }) => <StatusBadge name={status} /> },
    {
      id: 'mailed',
      header: 'Mailed',
      hideBelow: 'md',
      cell: ({ mail_sent_at }) => <RelativeTime at={mail_sent_at} />,
    },
    {
      id: 'expires',
      header: 'Expires',
      hideBelow: 'md',
      cell: ({ status, expires_at }) => status === 'open' && <RelativeTime at={expires_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (invitation) => (
        <RowMenu
          name={`the invitation of ${invitation.email}`}
          actions={[
            {
              label: 'Send again',
              isOffered: invitation.status === 'open',
              run: () => resend.run(invitation.id),
            },
            {
              label: 'Revoke',
              isDangerous: true,
              isOffered: invitation.status === 'open',
              run: () => void askToRevoke(invitation),
            },
          ]}
        />
      ),
    },
  ];
  return (
    <Block title="Invitations">
      <ListView
        list={list}
        label="Invitations"
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No invitations">Invite a person by e-mail to work here.</EmptyState>
        }
      />
    </Block>
  );
}
