// Continues an open or failed run on another version of its workflow, after a preview.
import { Button, Group, Select, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { hasEnded } from '../../../../sdk/src/live/index.ts';
import { Modal } from '../../shared/dialogs.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { EmptyState } from '../../shared/states.tsx';
import { type Run, supabase } from '../../shared/supabase.ts';
import type { RunWorkflow } from '../../shared/use-run.ts';
import { Preview, type PreviewAnswer } from './Preview.tsx';
import { useStarting } from './use-run-actions.ts';

interface Props {
  run: Run;
  workflow: RunWorkflow;
  onClose(): void;
}

export default function ContinueDialog({ run, workflow, onClose }: Props) {
  const isEnded = hasEnded(run.status);
  const [chosen, setChosen] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const versions = useAppQuery(['workflows', run.workflow_id, 'published-versions'], (signal) =>
    ask(
      supabase
        .from('workflow_versions')
        .select('id,version,published_at')
        .eq('workflow_id', run.workflow_id)
        .not('published_at', 'is', null)
        .order('version', { ascending: false })
        .limit(200)
        .abortSignal(signal),
    ),
  );
  const others = versions.data?.filter(({ id }) => id !== run.workflow_version_id);
  const published = others?.find(({ id }) => id === workflow.published_version_id) ?? others?.[0];
  const target = chosen ?? (published ? String(published.version) : null);
  const preview = useAppQuery(
    ['preview-continue', run.id, run.event_seq, target],
    async (signal) =>
      (await ask(
        supabase
          .rpc('preview_continue', { run_id: run.id, version: Number(target) })
          .abortSignal(signal),
      )) as unknown as PreviewAnswer,
    { enabled: target !== null, retry: false, placeholderData: (known) => known },
  );
  const start = useStarting(
    async () =>
      (await ask(
        supabase.rpc('continue_on_version', {
          run_id: run.id,
          version: Number(target),
          ...(reason ? { reason } : {}),
        }),
      )) as unknown as Run,
    'The run continues on the other version.',
  );
  return (
    <Modal opened onClose={onClose} title="Continue on another version" size="lg">
      {others?.length === 0 ? (
        <EmptyState title="There is no other published version" />
      ) : (
        <Stack>
          <Text size="sm" c="dimmed">
            {isEnded
              ? 'A new run takes over the results that both versions share. This run stays as it is.'
              : 'This run ends as cancelled, without compensation, and a new run continues it.'}
          </Text>
          <Select
            label="Version"
            data={(others ?? []).map(({ id, version }) => ({
              value: String(version),
              label:
                id === workflow.published_version_id ? `${version} (published)` : String(version),
            }))}
            value={target}
            onChange={setChosen}
            allowDeselect={false}
          />
          <Preview preview={preview.data} error={preview.error ?? versions.error} />
          <Textarea
            label="Reason (optional)"
            value={reason}
            maxLength={1_000}
            autosize
            minRows={1}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button
              {...(isEnded ? {} : { color: 'red.8' })}
              loading={start.isRunning}
              disabled={preview.data === undefined || preview.error !== null}
              onClick={() => start.run()}
            >
              Continue the run
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
