// Two runs side by side: their facts, inputs and outputs.
import { Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { AppLink, usePathParam } from '../shared/address.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { Duration } from '../shared/Times.tsx';

function Side({ id }: { id: string }) {
  const run = useAppQuery(['runs', id], (signal) =>
    ask(supabase.from('runs').select('*').eq('id', id).abortSignal(signal).single()),
  );
  if (run.error) return <ErrorState error={run.error} retry={() => void run.refetch()} />;
  if (run.data === undefined) return <LoadingState />;
  const { status, duration_ms, input, output, error } = run.data;
  return (
    <Paper withBorder p="md" bg="var(--sb-surface)">
      <Stack>
        <Title order={2} size="h4">
          <AppLink to={`/runs/${id}`}>Run {id.slice(-12)}</AppLink>
        </Title>
        <Text component="div">
          <StatusBadge name={status} /> <Duration ms={duration_ms} />
        </Text>
        <JsonView label={`Input of ${id}`} value={input} />
        <JsonView label={`Output of ${id}`} value={output} />
        {error !== null && <JsonView label={`Error of ${id}`} value={error} />}
      </Stack>
    </Paper>
  );
}

export default function ComparePage() {
  const runId = usePathParam('runId');
  const otherId = usePathParam('otherId');
  return (
    <>
      <PageHeader
        title="Compare runs"
        help="concepts/runs-and-steps"
        back={{ to: `/runs/${runId}`, label: 'Run' }}
      />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Side id={runId} />
        <Side id={otherId} />
      </SimpleGrid>
    </>
  );
}
