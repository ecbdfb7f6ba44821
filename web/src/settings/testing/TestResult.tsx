// A test run of one step, live: the text while a model writes it, then output, cost, error, and what was sent.
import { Group, Stack, Text } from '@mantine/core';
import { Attempts } from '../../run/step/Attempts.tsx';
import { AppLink } from '../../shared/address.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { useRun } from '../../shared/use-run.ts';
import { SignedHeaders } from './SignedHeaders.tsx';

interface Props {
  runId: string;
  stepId: string;
  /** Show the headers of the signed call. */
  hasHeaders?: boolean;
}

export function TestResult({ runId, stepId, hasHeaders = false }: Props) {
  const { snapshot, error, texts, retry } = useRun(runId);
  if (error && !snapshot) return <ErrorState error={error} retry={retry} />;
  if (!snapshot || snapshot.run.id !== runId) return <LoadingState rows={3} />;
  const { run } = snapshot;
  const steps = snapshot.steps.filter(({ step_id }) => step_id === stepId);
  const signature = steps.map(({ id, status }) => `${id} ${status}`).join();
  return (
    <Stack gap="sm" data-test-run={run.status}>
      <Group justify="space-between">
        <Group gap="xs" role="status" aria-label="State of the test run">
          <StatusBadge name={run.status} />
        </Group>
        <AppLink to={`/runs/${runId}`} size="sm">
          Open the run
        </AppLink>
      </Group>
      {steps.length === 0 ? (
        <Text size="sm" c="dimmed">
          The run waits for a worker.
        </Text>
      ) : (
        <Attempts runId={runId} stepId={stepId} signature={signature} handles={[]} texts={texts} />
      )}
      {hasHeaders && <SignedHeaders runId={runId} stepId={stepId} />}
    </Stack>
  );
}
