// The application: name and description, behaviour, quotas, export, leaving, deactivation and deletion.
import { Button, Code, Group, Progress, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useApp, useMay } from '../shared/app.tsx';
import { count, words } from '../shared/format.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { useMembershipsChanged } from '../shell/memberships.ts';
import { ApplicationBehaviour } from './ApplicationBehaviour.tsx';
import { ApplicationEnd } from './ApplicationEnd.tsx';
import { Block, Panel } from './parts.tsx';
import { useApplication, useQuotas, useUpdateApplication } from './use-application.ts';
import { EXPORT_NEEDS, useExport } from './use-export.ts';

function Identity() {
  const { data, error, refetch } = useApplication();
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (!data) return <LoadingState rows={3} height={56} />;
  return <IdentityForm key={data.updated_at} name={data.name} description={data.description} />;
}

function IdentityForm({ name, description }: { name: string; description: string }) {
  const mayManage = useMay('member:manage');
  const { code } = useApp();
  const [newName, setName] = useState(name);
  const [newText, setText] = useState(description);
  const changed = useMembershipsChanged();
  const update = useUpdateApplication(() => void changed());
  const isChanged = newName !== name || newText !== description;

  function submit(event: FormEvent): void {
    event.preventDefault();
    update.run({ name: newName.trim(), description: newText });
  }
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        <TextInput
          label="Name"
          value={newName}
          required={mayManage}
          readOnly={!mayManage}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          value={newText}
          readOnly={!mayManage}
          autosize
          minRows={2}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed">
          Code: <Code>{code}</Code>. It is in addresses and tokens and does not change.
        </Text>
        {mayManage && (
          <Group>
            <Button
              type="submit"
              disabled={!isChanged || !newName.trim()}
              loading={update.isRunning}
            >
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function Behaviour() {
  const { data } = useApplication();
  if (!data) return <LoadingState rows={2} height={56} />;
  return <ApplicationBehaviour key={data.updated_at} application={data} />;
}

const HIDDEN = new Set(['app_code', 'created_at', 'updated_at']);

function Quotas() {
  const { data, error, refetch } = useQuotas();
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (!data) return <LoadingState rows={4} height={24} />;
  return (
    <dl
      style={{
        display: 'grid',
        gridTemplateColumns: 'repeat(auto-fill, minmax(230px, 1fr))',
        gap: '10px 24px',
        margin: 0,
      }}
    >
      {Object.entries(data)
        .filter(([key]) => !HIDDEN.has(key))
        .map(([key, value]) => (
          <Group key={key} justify="space-between" wrap="nowrap" gap="xs">
            <Text component="dt" size="sm" c="dimmed">
              {words(key)}
            </Text>
            <Text component="dd" size="sm" m={0} style={{ fontVariantNumeric: 'tabular-nums' }}>
              {typeof value === 'number' ? count(value) : (value ?? 'no limit')}
            </Text>
          </Group>
        ))}
    </dl>
  );
}

function ExportData() {
  const { start, stop, progress, isRunning } = useExport();
  return (
    <Stack gap="sm">
      <Text size="sm">
        The export is a file with one JSON row per line. It leaves out secrets and hashes of keys.
      </Text>
      {isRunning && (
        <Progress value={progress.percent} aria-label="Progress of the export" striped />
      )}
      <Group>
        <Button variant="default" loading={isRunning} onClick={() => void start()}>
          Export all data
        </Button>
        {isRunning && (
          <Button variant="subtle" onClick={stop}>
            Stop
          </Button>
        )}
        {isRunning && (
          <Text size="sm" c="dimmed">
            {count(progress.rows)} rows
          </Text>
        )}
      </Group>
    </Stack>
  );
}

export default function ApplicationSection() {
  const { permissions } = useApp();
  return (
    <>
      <Panel>
        <Identity />
      </Panel>
      {permissions.has('member:manage') && (
        <Block title="Behaviour">
          <Panel>
            <Behaviour />
          </Panel>
        </Block>
      )}
      {permissions.has('member:manage') && (
        <Block title="Quotas" text="The operator of the installation sets them.">
          <Panel>
            <Quotas />
          </Panel>
        </Block>
      )}
      {EXPORT_NEEDS.every((each) => permissions.has(each)) && (
        <Block title="Data">
          <Panel>
            <ExportData />
          </Panel>
        </Block>
      )}
      <ApplicationEnd />
    </>
  );
}
