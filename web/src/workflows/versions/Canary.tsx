// The running canary of a workflow: its share, what its runs did, and its end.

import { Alert, Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { confirm } from '../../shared/confirm.tsx';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { FAILED_STATUSES } from '../../shared/run-status.ts';
import { supabase, type Workflow } from '../../shared/supabase.ts';
import { percent } from '../percent.ts';

async function readCanary(id: string, signal: AbortSignal) {
  const canary = await ask(
    supabase
      .from('workflow_canaries')
      .select('*,version:workflow_versions!canary_version_is_of_this_workflow(version)')
      .eq('id', id)
      .abortSignal(signal)
      .single(),
  );
  const counted = (statuses: readonly string[]) =>
    supabase
      .from('runs')
      .select('id', { count: 'exact', head: true })
      .eq('canary_id', id)
      .in('status', statuses)
      .abortSignal(signal);
  const [done, failed] = await Promise.all([counted(['completed']), counted(FAILED_STATUSES)]);
  if (done.error) throw done.error;
  if (failed.error) throw failed.error;
  return { canary, done: done.count ?? 0, failed: failed.count ?? 0 };
}

export function Canary({ workflow }: { workflow: Workflow }) {
  const id = workflow.canary_id;
  const mayPublish = useMay('workflow:publish');
  const [share, setShare] = useState<number>();
  const { data } = useAppQuery(
    ['workflows', 'canary', id],
    (signal) => readCanary(id ?? '', signal),
    { enabled: id !== null, refetchInterval: 15_000 },
  );
  const changes = [['workflows']];
  const update = useAction(
    (value: number) => ask(supabase.rpc('update_canary', { canary_id: id ?? '', percent: value })),
    { changes, success: 'The share is changed.' },
  );
  const promote = useAction(() => ask(supabase.rpc('promote_canary', { canary_id: id ?? '' })), {
    changes,
    success: 'The version of the canary is published for all starts.',
  });
  const stop = useAction(
    (reason: string) =>
      ask(supabase.rpc('stop_canary', { canary_id: id ?? '', ...(reason ? { reason } : {}) })),
    { changes, success: 'The canary is stopped. New runs use the published version.' },
  );
  if (id === null || data === undefined) return null;
  const { canary, done, failed } = data;
  const version = (canary.version as unknown as { version: number }).version;

  async function askStop(): Promise<void> {
    const answer = await confirm({
      title: 'Stop the canary?',
      text: 'New runs use the published version. Open runs of the canary continue.',
      action: 'Stop canary',
      reason: 'optional',
    });
    if (answer) stop.run(answer.reason);
  }

  async function askPromote(): Promise<void> {
    const answer = await confirm({
      title: `Publish version ${version} for all starts?`,
      text: 'It becomes the published version, and the canary ends.',
      action: 'Promote',
    });
    if (answer) promote.run();
  }

  return (
    <Alert color="blue" title={`Canary: version ${version} gets ${canary.percent} % of the starts`}>
      <Stack gap="sm">
        <Text size="sm" c="var(--mantine-color-text)">
          {done + failed === 0
            ? 'No run of it has ended yet.'
            : `${done + failed} runs ended, ${percent(done / (done + failed))} of them completed.`}
          {canary.max_error_rate !== null &&
            ` It stops by itself when more than ${percent(canary.max_error_rate)} of its last ${canary.min_runs} runs fail.`}{' '}
          <AppLink to={`/runs?workflow=${workflow.kebab_name}&version=${version}`}>
            Show its runs
          </AppLink>
        </Text>
        {mayPublish && (
          <Group align="flex-end" gap="xs">
            <NumberInput
              label="Share in percent"
              min={0.1}
              max={100}
              w={130}
              value={share ?? canary.percent}
              onChange={(value) => setShare(typeof value === 'number' ? value : undefined)}
            />
            <Button
              variant="default"
              loading={update.isRunning}
              disabled={share === undefined || share === canary.percent}
              onClick={() => update.run(share ?? canary.percent)}
            >
              Change
            </Button>
            <Button loading={promote.isRunning} onClick={() => void askPromote()}>
              Promote
            </Button>
            <Button variant="default" loading={stop.isRunning} onClick={() => void askStop()}>
              Stop
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}
