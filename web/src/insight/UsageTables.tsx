// What model calls cost: by model, by workflow and by day.
import { SimpleGrid, Stack, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { Section } from '../workflows/overview/Section.tsx';
import { dollars, type Usage, type Use } from './usage.ts';

const NUMBERS: Column<Use>[] = [
  { id: 'calls', header: 'Calls', align: 'end', cell: ({ calls }) => count(calls) },
  {
    id: 'tokens',
    header: 'Tokens',
    align: 'end',
    hideBelow: 'sm',
    cell: ({ tokens }) => count(tokens),
  },
  {
    id: 'cost',
    header: 'Cost',
    align: 'end',
    cell: ({ cost, calls, unpriced_calls }) => (
      <Stack gap={0} align="flex-end">
        <Text size="sm">
          {unpriced_calls > 0 && unpriced_calls === calls ? 'not known' : dollars(cost)}
        </Text>
        {unpriced_calls > 0 && unpriced_calls < calls && (
          <Text size="xs" c="dimmed">
            {count(unpriced_calls)} without a price
          </Text>
        )}
      </Stack>
    ),
  },
];

const MODELS: Column<Usage['models'][number]>[] = [
  {
    id: 'model',
    header: 'Model',
    cell: ({ model, provider }) => (
      <Stack gap={0}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {model || 'Not named'}
        </Text>
        <Text size="xs" c="dimmed">
          {provider}
        </Text>
      </Stack>
    ),
  },
  ...NUMBERS,
];

const WORKFLOWS: Column<Usage['workflows'][number]>[] = [
  {
    id: 'workflow',
    header: 'Workflow',
    cell: ({ workflow, workflow_name }) =>
      workflow === null ? (
        <Text size="sm">Deleted workflow</Text>
      ) : (
        <AppLink to={`/workflows/${workflow}`} size="sm">
          {workflow_name}
        </AppLink>
      ),
  },
  ...NUMBERS,
];

export function UsageTables({ usage }: { usage: Usage }) {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" verticalSpacing="lg">
      <Section title="By model">
        <DataTable
          label="Costs by model"
          columns={MODELS}
          rows={usage.models}
          rowId={({ provider, model }) => `${provider}/${model}`}
        />
      </Section>
      <Section title="By workflow">
        <DataTable
          label="Costs by workflow"
          columns={WORKFLOWS}
          rows={usage.workflows}
          rowId={({ workflow_id }) => workflow_id}
        />
      </Section>
    </SimpleGrid>
  );
}

const DAYS: Column<Usage['days'][number]>[] = [
  { id: 'day', header: 'Day', cell: ({ day }) => day },
  ...NUMBERS,
];

export function DaysTable({ days }: { days: Usage['days'] }) {
  return <DataTable label="Costs by day" columns={DAYS} rows={days} rowId={({ day }) => day} />;
}
