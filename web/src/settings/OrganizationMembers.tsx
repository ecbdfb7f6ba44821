// Who works in which application of the organization, as far as the user reads the members there.
import { Anchor, Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { addressOf } from '../shared/address.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import {
  byPerson,
  type Membership,
  matching,
  type OrganizationPerson,
} from './organization-people.ts';
import { Block, Rows } from './parts.tsx';

const COLUMNS: Column<OrganizationPerson>[] = [
  {
    id: 'person',
    header: 'Person',
    cell: ({ email, displayName }) => (
      <>
        <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
          {email}
        </Text>
        <Text size="xs" c="dimmed">
          {displayName}
        </Text>
      </>
    ),
  },
  {
    id: 'applications',
    header: 'Applications and roles',
    cell: ({ memberships }) => (
      <Group gap="md" style={{ rowGap: 4 }}>
        {memberships.map(({ app_code, application_name, role }) => (
          <Text key={app_code} size="sm">
            <Anchor href={addressOf(app_code, '/settings/members')} size="sm">
              {application_name}
            </Anchor>{' '}
            <Text span size="sm" c="dimmed">
              {role}
            </Text>
          </Text>
        ))}
      </Group>
    ),
  },
];

export function OrganizationMembers({ organizationId }: { organizationId: string }) {
  const [text, setText] = useState('');
  const members = useAppQuery(['organizations', organizationId, 'members'], async (signal) =>
    byPerson(
      await readAll<Membership>(
        (from, to) =>
          supabase
            .rpc('list_organization_members', { organization_id: organizationId })
            .order('email')
            .order('user_id')
            .order('app_code')
            .range(from, to)
            .abortSignal(signal),
        ({ user_id, app_code }) => `${user_id} ${app_code}`,
      ),
    ),
  );
  const { data, error, refetch } = members;
  return (
    <Block
      title="People"
      text="The members of the applications in which your role reads members. Change a role in the application."
      actions={
        <TextInput
          aria-label="Find a person, role or application"
          placeholder="Find"
          size="xs"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      }
    >
      <Rows
        query={{ data: data && matching(data, text), error, refetch }}
        label="People of the organization"
        columns={COLUMNS}
        rowId={({ id }) => id}
        empty={<EmptyState title="No one matches">Change the text above.</EmptyState>}
      />
    </Block>
  );
}
