// Secrets: names, versions, hosts and the workflows that use them. Values are written and never read.
import { Badge, Button, Group, NativeSelect, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Block, FormModal, RowMenu, Rows } from './parts.tsx';
import { SetSecret } from './SetSecret.tsx';

export interface Secret {
  name: string;
  source: string;
  version: number;
  versions: number[];
  allowed_hosts: string[];
  workflows: string[];
  updated_at: string;
}

const CHANGES = [['secrets'], ['audit_log']] as const;

function RollBack({ secret, onClose }: { secret: Secret; onClose(): void }) {
  const others = secret.versions.filter((each) => each !== secret.version);
  const [version, setVersion] = useState(String(others[0] ?? ''));
  const rollBack = useAction(
    () => ask(supabase.rpc('rollback_secret', { name: secret.name, version: Number(version) })),
    {
      success: `${secret.name} has the value of version ${version} again.`,
      changes: CHANGES,
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  return (
    <FormModal
      title={`Roll back ${secret.name}`}
      action="Roll back"
      onClose={onClose}
      onSubmit={() => rollBack.run()}
      isRunning={rollBack.isRunning}
      error={rollBack.error}
      isReady={version !== ''}
    >
      <NativeSelect
        label="Version"
        value={version}
        data={others.map((each) => ({ value: String(each), label: `Version ${each}` }))}
        description="Steps that start from now on read this version, with its hosts."
        onChange={(event) => setVersion(event.currentTarget.value)}
      />
    </FormModal>
  );
}

export default function SecretsSection() {
  const mayManage = useMay('secret:manage');
  const [setting, setSetting] = useState<Secret | 'new'>();
  const [rolling, setRolling] = useState<Secret>();
  const secrets = useAppQuery(
    ['secrets'],
    async (signal) => (await ask(supabase.rpc('list_secrets').abortSignal(signal))) as Secret[],
  );
  const remove = useAction((name: string) => ask(supabase.rpc('delete_secret', { name })), {
    success: 'The secret is deleted.',
    changes: CHANGES,
  });
  async function askToDelete({ name, workflows }: Secret): Promise<void> {
    const answer = await confirm({
      title: `Delete ${name}?`,
      text:
        workflows.length > 0
          ? `Steps of ${workflows.join(', ')} need it and will fail.`
          : 'All versions are deleted. No published workflow names it.',
      action: 'Delete the secret',
      isDangerous: true,
      typed: name,
    });
    if (answer) remove.run(name);
  }
  const columns: Column<Secret>[] = [
    {
      id: 'name',
      header: 'Secret',
      cell: ({ name, source }) => (
        <Group gap="xs">
          <Text size="sm" className="mono">
            {name}
          </Text>
          {source === 'operator' && <Badge variant="default">From the operator</Badge>}
        </Group>
      ),
    },
    {
      id: 'version',
      header: 'Version',
      align: 'end',
      cell: ({ source, version }) => (source === 'operator' ? '–' : version),
    },
    {
      id: 'hosts',
      header: 'Allowed hosts',
      hideBelow: 'md',
      cell: ({ allowed_hosts }) => (
        <Text size="sm">
          {(allowed_hosts ?? []).includes('*') ? 'every host' : (allowed_hosts ?? []).join(', ')}
        </Text>
      ),
    },
    {
      id: 'used',
      header: 'Used by',
      hideBelow: 'sm',
      cell: ({ workflows }) =>
        (workflows ?? []).length === 0 ? (
          <Text size="sm" c="dimmed">
            No published workflow
          </Text>
        ) : (
          <Group gap={8}>
            {workflows.map((each) => (
              <AppLink key={each} to={`/workflows/${each}`} size="sm">
                {each}
              </AppLink>
            ))}
          </Group>
        ),
    },
    {
      id: 'updated',
      header: 'Changed',
      hideBelow: 'lg',
      cell: ({ updated_at }) => <RelativeTime at={updated_at} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'end',
      cell: (secret) => {
        const isOffered = mayManage && secret.source === 'application';
        return (
          <RowMenu
            name={secret.name}
            actions={[
              { label: 'Set a new value', isOffered, run: () => setSetting(secret) },
              {
                label: 'Roll back',
                isOffered: isOffered && secret.versions.length > 1,
                run: () => setRolling(secret),
              },
              {
                label: 'Delete',
                isDangerous: true,
                isOffered,
                run: () => void askToDelete(secret),
              },
            ]}
          />
        );
      },
    },
  ];
  return (
    <Block
      title="Secrets"
      text="Secrets in the environment of the worker are not listed."
      actions={mayManage && <Button onClick={() => setSetting('new')}>New secret</Button>}
    >
      <Rows
        query={secrets}
        label="Secrets"
        columns={columns}
        rowId={({ name, source }) => `${source} ${name}`}
        empty={
          <EmptyState title="No secrets">
            Store a token here instead of writing it into a definition.
          </EmptyState>
        }
      />
      {setting && (
        <SetSecret
          secret={setting === 'new' ? undefined : setting}
          onClose={() => setSetting(undefined)}
        />
      )}
      {rolling && <RollBack secret={rolling} onClose={() => setRolling(undefined)} />}
    </Block>
  );
}
