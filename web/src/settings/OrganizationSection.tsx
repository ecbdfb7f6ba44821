// The organization: its name, its applications as far as the user is a member, their members, and its end.
import { Anchor, Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { addressOf } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { dateTime } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { useMembershipsChanged } from '../shell/memberships.ts';
import { OrganizationMembers } from './OrganizationMembers.tsx';
import { Block, Panel, Rows } from './parts.tsx';
import { TransferApplication } from './TransferApplication.tsx';

const texts = {
  conflict: 'The organization has applications, also deactivated ones. Delete them first.',
};

function NameForm(props: { id: string; name: string; slug: string; mayChange: boolean }) {
  const { id, mayChange } = props;
  const [name, setName] = useState(props.name);
  const [slug, setSlug] = useState(props.slug);
  const changed = useMembershipsChanged();
  const save = useAction(
    () => ask(supabase.rpc('update_organization', { organization_id: id, name, slug })),
    {
      success: 'The organization is saved.',
      changes: [['organizations']],
      texts: { conflict: 'Another organization has this short name.' },
      onSuccess: () => void changed(),
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    save.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        <TextInput
          label="Name"
          value={name}
          readOnly={!mayChange}
          required={mayChange}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label="Short name"
          description="Lower-case letters, digits and hyphens."
          value={slug}
          readOnly={!mayChange}
          required={mayChange}
          onChange={(event) => setSlug(event.currentTarget.value)}
        />
        {mayChange && (
          <Group>
            <Button
              type="submit"
              loading={save.isRunning}
              disabled={name === props.name && slug === props.slug}
            >
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

interface Application {
  app_code: string;
  name: string;
  role: string;
  deactivated_at: string | null;
  purge_at: string | null;
}

export default function OrganizationSection() {
  const { organizationId, userId, role, name } = useApp();
  const changed = useMembershipsChanged();
  const [isMoving, setMoving] = useState(false);
  const organization = useAppQuery(['organizations', organizationId], (signal) =>
    ask(
      supabase
        .from('organizations')
        .select('*')
        .eq('id', organizationId)
        .abortSignal(signal)
        .single(),
    ),
  );
  const applications = useAppQuery(['organizations', organizationId, 'applications'], async () => {
    const all = await ask(supabase.rpc('my_applications'));
    return all.filter((each) => each.organization_id === organizationId) as Application[];
  });
  const reactivate = useAction(
    (app_code: string) => ask(supabase.rpc('reactivate_application', { app_code })),
    {
      success: 'The application is active again.',
      changes: [['organizations']],
      onSuccess: () => void changed(),
    },
  );
  const remove = useAction(
    () => ask(supabase.rpc('delete_organization', { organization_id: organizationId })),
    {
      success: 'The organization is deleted.',
      texts,
      onSuccess: () => {
        void changed();
        location.hash = '#/';
      },
    },
  );

  const columns: Column<Application>[] = [
    {
      id: 'name',
      header: 'Application',
      cell: ({ name, app_code, deactivated_at }) =>
        deactivated_at === null ? (
          <Anchor href={addressOf(app_code, '/settings/application')}>{name}</Anchor>
        ) : (
          <Text>{name}</Text>
        ),
    },
    { id: 'code', header: 'Code', hideBelow: 'sm', cell: ({ app_code }) => app_code },
    { id: 'role', header: 'Your role', cell: ({ role }) => role },
    {
      id: 'state',
      header: 'State',
      cell: ({ deactivated_at, purge_at }) => {
        if (deactivated_at === null) return 'Active';
        return purge_at === null ? 'Deactivated' : `Deleted on ${dateTime(purge_at)}`;
      },
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: ({ app_code, deactivated_at, role }) =>
        deactivated_at !== null &&
        role === 'admin' && (
          <Button size="compact-sm" variant="default" onClick={() => reactivate.run(app_code)}>
            Reactivate
          </Button>
        ),
    },
  ];
  async function askToDelete(slug: string): Promise<void> {
    const answer = await confirm({
      title: 'Delete the organization?',
      text: 'Only an organization without applications can be deleted.',
      action: 'Delete the organization',
      isDangerous: true,
      typed: slug,
    });
    if (answer) remove.run();
  }

  const { data, error, refetch } = organization;
  const mayChange =
    applications.data?.some(
      ({ role, deactivated_at }) => role === 'admin' && deactivated_at === null,
    ) ?? false;
  return (
    <>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {!data && !error && <LoadingState rows={3} height={56} />}
      {data && (
        <Panel>
          <NameForm
            key={`${data.updated_at}${mayChange}`}
            id={data.id}
            name={data.name}
            slug={data.slug}
            mayChange={mayChange}
          />
        </Panel>
      )}
      <Block
        title="Applications"
        text="Those of which you are a member."
        actions={
          <Button component="a" href="#/-/new-application" variant="default">
            New application
          </Button>
        }
      >
        <Rows
          query={applications}
          label="Applications"
          columns={columns}
          rowId={({ app_code }) => app_code}
          empty={<EmptyState title="No applications" />}
        />
      </Block>
      <OrganizationMembers organizationId={organizationId} />
      {role === 'admin' && (
        <Block title="Move">
          <Panel>
            <Group justify="space-between">
              <Text size="sm">Move {name} with all its data to another organization.</Text>
              <Button variant="default" onClick={() => setMoving(true)}>
                Move the application
              </Button>
            </Group>
          </Panel>
        </Block>
      )}
      {isMoving && <TransferApplication onClose={() => setMoving(false)} />}
      {data?.created_by === userId && (
        <Block title="End">
          <Panel>
            <Group justify="space-between">
              <Text size="sm">
                Delete the organization. <Badge variant="default">Only its creator can</Badge>
              </Text>
              <Button
                color="red.8"
                loading={remove.isRunning}
                onClick={() => void askToDelete(data.slug)}
              >
                Delete the organization
              </Button>
            </Group>
          </Panel>
        </Block>
      )}
    </>
  );
}
