// Two runs side by side: their facts, where their inputs, outputs and errors differ, the ways that they took through the
// graph, and how long each step took.
import { Badge, Checkbox, Group, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { AppLink, usePathParam } from '../shared/address.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { Duration, RelativeTime } from '../shared/Times.tsx';
import { CompareSteps } from './CompareSteps.tsx';
import type { Compared, Comparison, Side } from './compare.ts';
import { DifferenceTable } from './data/DifferenceTable.tsx';

function Facts({ side, name, isNewer }: { side: Side; name: string; isNewer: boolean }) {
  return (
    <Paper withBorder p="md" bg="var(--sb-surface)">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {name}: <AppLink to={`/runs/${side.run_id}`}>…{side.run_id.slice(-12)}</AppLink>
        </Title>
        {isNewer && (
          <Badge variant="default" tt="none">
            newer
          </Badge>
        )}
      </Group>
      <Group gap="lg" mt="xs">
        <StatusBadge name={side.status} />
        <Text span size="sm">
          <Duration ms={side.duration_ms} />
        </Text>
        <Text span size="sm">
          {side.workflow}, version {side.version}
        </Text>
        <Text span size="sm" c="dimmed">
          <RelativeTime at={side.created_at} />
        </Text>
      </Group>
      {side.origin_run_id !== null && (
        <Text size="sm" c="dimmed">
          rerun{side.rerun_from_step ? ` from ${side.rerun_from_step}` : ''}
        </Text>
      )}
    </Paper>
  );
}

function Values({ title, compared }: { title: string; compared: Compared }) {
  return (
    <section aria-label={title}>
      <Title order={2} size="h5" mb={4}>
        {title}
      </Title>
      {compared.is_equal ? (
        <Text size="sm" c="dimmed">
          Equal in both runs.
        </Text>
      ) : (
        <DifferenceTable
          label={`Differences: ${title}`}
          list={compared.differences.map(({ path, change, ...values }) => ({
            path,
            kind: change,
            ...('a' in values ? { before: values.a } : {}),
            ...('b' in values ? { after: values.b } : {}),
          }))}
          before="A"
          after="B"
        />
      )}
    </section>
  );
}

export default function ComparePage() {
  const runId = usePathParam('runId');
  const otherId = usePathParam('otherId');
  const [isAll, setAll] = useState(false);
  const { data, error, refetch } = useAppQuery(
    ['runs', 'compare', runId, otherId],
    async (signal) =>
      (await ask(
        supabase.rpc('compare_runs', { a: runId, b: otherId }).abortSignal(signal),
      )) as unknown as Comparison,
  );
  const different = data?.steps.filter(({ is_equal }) => !is_equal) ?? [];
  return (
    <>
      <PageHeader
        title="Compare runs"
        help="guides/rerun-and-redrive"
        back={{ to: `/runs/${runId}`, label: 'Run' }}
      >
        {data && (
          <Text c="dimmed">
            {data.same_version
              ? 'Both runs have the same version.'
              : data.same_workflow
                ? 'The runs have different versions of one workflow.'
                : 'The runs are of different workflows.'}{' '}
            {data.first_difference === null
              ? 'No step differs.'
              : `The first step that differs is ${data.first_difference}.`}
          </Text>
        )}
      </PageHeader>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState />}
      {data && (
        <Stack gap="lg">
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Facts side={data.a} name="A" isNewer={data.a.created_at > data.b.created_at} />
            <Facts side={data.b} name="B" isNewer={data.b.created_at > data.a.created_at} />
          </SimpleGrid>
          <section aria-label="Steps">
            <Group justify="space-between" mb={4}>
              <Title order={2} size="h5">
                Steps: {different.length} of {data.steps.length} differ
              </Title>
              <Checkbox
                size="xs"
                label="Show equal steps"
                checked={isAll}
                onChange={(event) => setAll(event.currentTarget.checked)}
              />
            </Group>
            {!isAll && different.length === 0 ? (
              <EmptyState title="All steps are equal" />
            ) : (
              <CompareSteps steps={isAll ? data.steps : different} />
            )}
          </section>
          <Values title="Input" compared={data.input} />
          <Values title="Output" compared={data.output} />
          <Values title="Error" compared={data.error} />
        </Stack>
      )}
    </>
  );
}
