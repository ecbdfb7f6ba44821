// Chooses the run whose data expressions show and whose states the canvas shows: one of the last runs of the workflow, or
// the run in the address (`?run=`).
import { ActionIcon, Group, Select, Tooltip } from '@mantine/core';
import { IconExternalLink, IconX } from '@tabler/icons-react';
import { useEffect } from 'react';
import { useHref } from '../shared/address.tsx';
import { relativeTime, words } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { useNow } from '../shared/Times.tsx';
import { type RunSnapshot, useRun } from '../shared/use-run.ts';

interface PickerProps {
  workflowId: string;
  value: string | undefined;
  onChange(runId: string | undefined): void;
}

export function RunPicker({ workflowId, value, onChange }: PickerProps) {
  const href = useHref();
  const now = useNow();
  const runs = useAppQuery(['runs', 'of-workflow', workflowId], (signal) =>
    ask(
      supabase
        .from('runs')
        .select('id,status,created_at')
        .eq('workflow_id', workflowId)
        .order('created_at', { ascending: false })
        .limit(25)
        .abortSignal(signal),
    ),
  );
  const known = (runs.data ?? []).map(({ id, status, created_at: at }) => ({
    value: id,
    label: `${words(status)}, ${relativeTime(at, now)}`,
  }));
  const data =
    value === undefined || known.some((run) => run.value === value)
      ? known
      : [{ value, label: `Run ${value.slice(-8)}` }, ...known];
  return (
    <Group gap={4} wrap="nowrap">
      <Select
        size="xs"
        w={210}
        aria-label="Data of a run"
        placeholder={runs.data?.length === 0 ? 'No runs yet' : 'Data of a run'}
        data={data}
        value={value ?? null}
        searchable
        onChange={(next) => onChange(next ?? undefined)}
      />
      {value !== undefined && (
        <>
          <Tooltip label="Open the run">
            <ActionIcon
              component="a"
              href={href(`/runs/${value}`)}
              variant="subtle"
              color="gray"
              aria-label="Open the run"
            >
              <IconExternalLink size={16} aria-hidden="true" />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Without data">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Without data of a run"
              onClick={() => onChange(undefined)}
            >
              <IconX size={16} aria-hidden="true" />
            </ActionIcon>
          </Tooltip>
        </>
      )}
    </Group>
  );
}

/** Reads the run, live, for the whole editor. */
export function RunData({
  runId,
  onChange,
}: {
  runId: string;
  onChange(snapshot: RunSnapshot | undefined): void;
}) {
  const { snapshot } = useRun(runId);
  useEffect(() => {
    onChange(snapshot);
  }, [snapshot, onChange]);
  useEffect(() => () => onChange(undefined), [onChange]);
  return null;
}
