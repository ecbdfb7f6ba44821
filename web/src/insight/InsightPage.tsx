// The statistics of the application.
import { Group } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function InsightPage() {
  const { data, error, refetch } = useAppQuery(['statistics', 'workflows'], (signal) =>
    ask(supabase.rpc('workflow_statistics').abortSignal(signal)),
  );
  return (
    <>
      <PageHeader title="Insight" help="guides/statistics" />
      <Group mb="md">
        <AppLink to="/insight/failures">Failures</AppLink>
        <AppLink to="/insight/queues">Queues</AppLink>
        <AppLink to="/insight/workers">Workers</AppLink>
        <AppLink to="/insight/models">Models</AppLink>
      </Group>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data?.length === 0 && <EmptyState title="No statistics yet" />}
      {data && data.length > 0 && <JsonView label="Statistics" value={data} />}
    </>
  );
}
