// The slowest workflows or steps and those that fail most, from the same statistics.
import { Box, Progress, Stack, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { type Column, DataTable } from '../shared/DataTable.tsx';
import { count, duration } from '../shared/format.ts';
import { Section } from '../workflows/overview/Section.tsx';
import { percent } from '../workflows/percent.ts';
import type { Item } from './statistics.ts';

const SHOWN = 5;

interface Props {
  noun: 'workflows' | 'steps';
  items: readonly Item[];
  workflows: readonly { id: string; kebab_name: string; name: string }[];
}

type Rank = (item: Item) => number;
const p95: Rank = (item) => item.p95_duration_ms ?? 0;
const failures: Rank = (item) => item.failed;

/** A number, and a line as long as its part of the largest one. */
function Measure({ text, part, color }: { text: string; part: number; color: string }) {
  return (
    <Box miw={88}>
      <Text size="sm" ta="end">
        {text}
      </Text>
      <Progress value={100 * part} size={4} color={color} aria-hidden />
    </Box>
  );
}

export function Rankings({ noun, items, workflows }: Props) {
  const known = new Map(workflows.map((each) => [each.id, each]));
  const name: Column<Item> = {
    id: 'name',
    header: noun === 'steps' ? 'Step' : 'Workflow',
    cell: ({ workflow_id = '', step_id }) => {
      const workflow = known.get(workflow_id);
      const link = workflow ? (
        <AppLink to={`/workflows/${workflow.kebab_name}`} size="sm">
          {workflow.name}
        </AppLink>
      ) : (
        <Text size="sm">Deleted workflow</Text>
      );
      if (!step_id) return link;
      return (
        <Stack gap={0}>
          <Text size="sm" className="mono">
            {step_id}
          </Text>
          {link}
        </Stack>
      );
    },
  };
  const ended: Column<Item> = {
    id: 'total',
    header: noun === 'steps' ? 'Attempts' : 'Ended',
    align: 'end',
    cell: ({ total }) => count(total),
  };
  const top = (rank: Rank) =>
    items
      .filter((item) => rank(item) > 0)
      .sort((a, b) => rank(b) - rank(a))
      .slice(0, SHOWN);
  const slowest = top(p95);
  const failing = top(failures);
  const most = (rows: readonly Item[], rank: Rank) => Math.max(1, ...rows.map(rank));
  const tables: { title: string; rows: Item[]; columns: Column<Item>[] }[] = [
    {
      title: `Slowest ${noun}`,
      rows: slowest,
      columns: [
        name,
        ended,
        {
          id: 'p50',
          header: 'p50',
          align: 'end',
          hideBelow: 'sm',
          cell: ({ p50_duration_ms }) => duration(p50_duration_ms),
        },
        {
          id: 'p95',
          header: 'p95',
          align: 'end',
          cell: (item) => (
            <Measure
              text={duration(item.p95_duration_ms)}
              part={p95(item) / most(slowest, p95)}
              color="var(--sb-waiting)"
            />
          ),
        },
      ],
    },
    {
      title: `Most failing ${noun}`,
      rows: failing,
      columns: [
        name,
        ended,
        {
          id: 'rate',
          header: 'Success',
          align: 'end',
          hideBelow: 'sm',
          cell: ({ success_rate }) => percent(success_rate),
        },
        {
          id: 'failed',
          header: 'Failed',
          align: 'end',
          cell: (item) => (
            <Measure
              text={count(item.failed)}
              part={item.failed / most(failing, failures)}
              color="var(--sb-danger)"
            />
          ),
        },
      ],
    },
  ];
  return tables.map(({ title, rows, columns }) => (
    <Section key={title} title={title}>
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          None in this time.
        </Text>
      ) : (
        <DataTable
          label={title}
          columns={columns}
          rows={rows}
          rowId={({ workflow_id, step_id }) => `${workflow_id}/${step_id ?? ''}`}
        />
      )}
    </Section>
  ));
}
