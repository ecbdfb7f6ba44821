// The versions of a workflow, newest first: what changed, who published it, and a comparison of two (`?a=1&b=2`).
import { Button, Group, Stack, Text, VisuallyHidden } from '@mantine/core';
import { useState } from 'react';
import { useGo } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { type Column, DataTable } from '../../shared/DataTable.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase, type Workflow } from '../../shared/supabase.ts';
import { RelativeTime } from '../../shared/Times.tsx';
import { keysetPage, useList } from '../../shared/use-list.ts';
import { StartDialog } from '../../start/StartDialog.tsx';
import { useNames } from '../use-names.ts';
import { Canary } from './Canary.tsx';
import { CanaryDialog } from './CanaryDialog.tsx';
import { type ListedVersion, useVersionActions } from './use-version-actions.ts';
import { VersionMenu } from './VersionMenu.tsx';

interface Props {
  workflow: Workflow;
}

export function Versions({ workflow }: Props) {
  const go = useGo();
  const list = useList<ListedVersion>({
    key: ['workflows', workflow.id, 'versions'],
    page: (cursor, signal) =>
      keysetPage<ListedVersion>(
        supabase
          .from('workflow_versions')
          .select(
            'id,version,status,change_note,steps_total,created_at,published_at,published_by,created_by',
          )
          .eq('workflow_id', workflow.id)
          .abortSignal(signal),
        cursor,
        { columns: ['version'] },
      ),
  });
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [starting, setStarting] = useState<number>();
  const [canary, setCanary] = useState<ListedVersion>();
  const actions = useVersionActions(workflow);
  const mayPublish = useMay('workflow:publish');
  const { rows, error } = list;
  const nameOf = useNames(
    (rows ?? []).map(({ published_by, created_by }) => published_by ?? created_by),
  );

  if (error) return <ErrorState error={error} retry={list.refresh} />;
  if (rows === undefined) return <LoadingState rows={4} height={56} />;
  if (rows.length === 0) {
    return <EmptyState title="No versions yet">Save a draft in the editor first.</EmptyState>;
  }

  const published = rows.find(({ id }) => id === workflow.published_version_id);
  const draft = rows.find(({ status }) => status === 'draft');
  const chosen = rows.filter(({ id }) => picked.has(id)).map(({ version }) => version);
  const compare = (a: number, b: number) =>
    go(`/workflows/${workflow.kebab_name}/versions?a=${Math.min(a, b)}&b=${Math.max(a, b)}`);
  const previousOf = ({ version }: ListedVersion) =>
    rows.find((other) => other.version < version)?.version;

  const columns: Column<ListedVersion>[] = [
    {
      id: 'version',
      header: 'Version',
      cell: (row) => (
        <>
          <Text size="sm" fw={600}>
            Version {row.version}
          </Text>
          <StatusBadge name={row.status} />
          {row.id === published?.id && (
            <Text size="xs" c="dimmed">
              New runs use it
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'note',
      header: 'Change',
      hideBelow: 'sm',
      cell: ({ change_note, steps_total }) => (
        <>
          <Text size="sm">{change_note || 'No note'}</Text>
          <Text size="xs" c="dimmed">
            {steps_total} steps
          </Text>
        </>
      ),
    },
    {
      id: 'when',
      header: 'When',
      cell: ({ published_at, created_at, published_by, created_by }) => (
        <>
          <RelativeTime at={published_at ?? created_at} />
          <Text size="xs" c="dimmed">
            {nameOf(published_by ?? created_by)}
          </Text>
        </>
      ),
    },
    {
      id: 'actions',
      header: <VisuallyHidden>Actions</VisuallyHidden>,
      align: 'end',
      cell: (row) => {
        const previous = previousOf(row);
        return (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            {previous !== undefined && (
              <Button
                size="compact-sm"
                variant="default"
                visibleFrom="sm"
                aria-label={`Changes of version ${row.version}`}
                onClick={() => compare(previous, row.version)}
              >
                Changes
              </Button>
            )}
            <VersionMenu
              version={row}
              workflow={workflow.kebab_name}
              isPublished={row.id === published?.id}
              onRun={() => setStarting(row.version)}
              onRestore={() => void actions.askRestore(row, draft !== undefined)}
              onPublish={() => void actions.askPublish(row, published?.version)}
              onCanary={() => setCanary(row)}
            />
          </Group>
        );
      },
    },
  ];

  return (
    <Stack>
      <Canary workflow={workflow} />
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          Select two versions to compare them.
        </Text>
        <Group gap="xs">
          <Button
            variant="default"
            disabled={chosen.length !== 2}
            onClick={() => compare(chosen[0] ?? 0, chosen[1] ?? 0)}
          >
            Compare
          </Button>
          {draft && published && (
            <Button variant="default" onClick={() => compare(published.version, draft.version)}>
              Draft against published
            </Button>
          )}
          {draft && mayPublish && workflow.canary_id === null && (
            <Button
              loading={actions.isBusy}
              onClick={() => void actions.askPublish(draft, published?.version)}
            >
              Publish version {draft.version}
            </Button>
          )}
        </Group>
      </Group>
      <DataTable
        label="Versions"
        columns={columns}
        rows={rows}
        rowId={({ id }) => id}
        rowProps={({ version }) => ({ 'data-version': String(version) })}
        onEnd={list.more}
        isReadingMore={list.isReadingMore}
        selection={{ ids: picked, onChange: setPicked, noun: 'version' }}
        rowHeight={62}
      />
      {starting !== undefined && (
        <StartDialog
          workflow={workflow.kebab_name}
          version={starting}
          title={`Start version ${starting} of ${workflow.name}`}
          onClose={() => setStarting(undefined)}
        />
      )}
      {canary && <CanaryDialog version={canary} onClose={() => setCanary(undefined)} />}
    </Stack>
  );
}
