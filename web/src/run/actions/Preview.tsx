// What a rerun or a continuation would do with each step, before it starts.
import { Alert, Badge, Group, ScrollArea, Stack, Table, Text } from '@mantine/core';
import { words } from '../../shared/format.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';

export interface PreviewStep {
  step_id: string;
  label: string;
  action: string;
  reason?: string | null;
  status: string | null;
  repeats_effects: boolean;
}

export interface PreviewAnswer {
  steps: PreviewStep[];
  repeated_effects: string[];
  removed_steps?: string[];
}

const ACTIONS: Readonly<Record<string, string>> = {
  copied: 'Result is reused',
  edited: 'Output is yours',
  runs_again: 'Runs again',
  may_run: 'May run',
};
const COLORS: Readonly<Record<string, string>> = {
  copied: 'gray',
  edited: 'violet',
  runs_again: 'blue',
  may_run: 'gray',
};

function summary(steps: readonly PreviewStep[]): string {
  const of = (action: string) => steps.filter((step) => step.action === action).length;
  const parts = [
    [of('copied'), 'reused'],
    [of('edited'), 'edited'],
    [of('runs_again'), 'run again'],
    [of('may_run'), 'may run'],
  ] as const;
  return parts
    .filter(([number]) => number > 0)
    .map(([number, text]) => `${number} ${text}`)
    .join(', ');
}

interface Props {
  preview: PreviewAnswer | undefined;
  error: Error | null;
}

export function Preview({ preview, error }: Props) {
  if (error) return <ErrorState error={error} />;
  if (preview === undefined) return <LoadingState rows={3} height={32} />;
  const { steps, repeated_effects: repeated, removed_steps: removed = [] } = preview;
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        Preview: {summary(steps)}
      </Text>
      {repeated.length > 0 && (
        <Alert color="yellow" py="xs">
          <Text size="sm" c="var(--mantine-color-text)">
            These steps can change something outside of the run, and they happen again:{' '}
            {repeated.join(', ')}.
          </Text>
        </Alert>
      )}
      {removed.length > 0 && (
        <Alert color="yellow" py="xs">
          <Text size="sm" c="var(--mantine-color-text)">
            The new version lacks these steps; what they did stays: {removed.join(', ')}.
          </Text>
        </Alert>
      )}
      <ScrollArea.Autosize
        mah={240}
        viewportProps={{ tabIndex: 0, 'aria-label': 'Steps of the preview' }}
      >
        <Table verticalSpacing={4} fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Step</Table.Th>
              <Table.Th>In this run</Table.Th>
              <Table.Th>In the new run</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {steps.map(({ step_id, label, action, reason, status, repeats_effects }) => (
              <Table.Tr key={step_id} data-preview={step_id} data-action={action}>
                <Table.Td>{label || step_id}</Table.Td>
                <Table.Td>{status === null ? 'not reached' : words(status)}</Table.Td>
                <Table.Td>
                  <Group gap={6}>
                    <Badge
                      variant="light"
                      tt="none"
                      miw="max-content"
                      color={COLORS[action] ?? 'gray'}
                      c="var(--mantine-color-text)"
                    >
                      {ACTIONS[action] ?? words(action)}
                    </Badge>
                    {reason && <Text size="xs">{words(reason)}</Text>}
                    {repeats_effects && <Text size="xs">repeats effects</Text>}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
    </Stack>
  );
}
