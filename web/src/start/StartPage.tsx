// The start form on a page of its own, which a link or the palette opens: `/start` and `/workflows/<name>/start`.
// `?from=<run>` begins with the input of that run, `?version=<number>` with that version.
import { Paper, Stack, Text } from '@mantine/core';
import { useAddressParam, useGo, usePathParam } from '../shared/address.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { StartForm } from './StartForm.tsx';
import { useStartable } from './use-startable.ts';
import { WorkflowChoices } from './WorkflowChoices.tsx';

const HELP = 'guides/start-runs';

function Head({ workflow }: { workflow: string }) {
  const { data } = useStartable(workflow);
  return (
    <PageHeader
      title={`Start ${data?.name ?? workflow}`}
      help={HELP}
      back={{ to: `/workflows/${workflow}`, label: data?.name ?? workflow }}
    >
      {data?.description && (
        <Text c="dimmed" maw={720}>
          {data.description}
        </Text>
      )}
    </PageHeader>
  );
}

/** The input of a run to begin with; undefined while it is read. */
function useInputOf(runId: string | undefined) {
  return useAppQuery(
    ['runs', runId, 'input'],
    (signal) =>
      ask(
        supabase
          .from('runs')
          .select('input')
          .eq('id', runId ?? '')
          .abortSignal(signal)
          .single(),
      ),
    { enabled: runId !== undefined, staleTime: Number.POSITIVE_INFINITY },
  );
}

export default function StartPage() {
  const workflow = usePathParam('workflow');
  const [from] = useAddressParam('from');
  const [version] = useAddressParam('version');
  const go = useGo();
  const origin = useInputOf(from);
  const isWaiting = from !== undefined && origin.data === undefined && !origin.error;
  return (
    <>
      {workflow ? <Head workflow={workflow} /> : <PageHeader title="Start a run" help={HELP} />}
      <Paper bg="var(--sb-surface)" withBorder p="lg" radius="md" maw={820}>
        <Stack>
          {!workflow && <WorkflowChoices />}
          {origin.error && <ErrorState error={origin.error} retry={() => void origin.refetch()} />}
          {isWaiting && <LoadingState rows={4} height={56} />}
          {workflow && !isWaiting && (
            <StartForm
              workflow={workflow}
              {...(origin.data ? { input: origin.data.input } : {})}
              {...(Number(version) > 0 ? { version: Number(version) } : {})}
              onStarted={({ id }) => go(`/runs/${id}`)}
            />
          )}
        </Stack>
      </Paper>
    </>
  );
}
