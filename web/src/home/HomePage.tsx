// The first page of an application: today's numbers, what needs a person, the newest runs, and the first steps of a new
// application.
import { Button, Stack } from '@mantine/core';
import { AppLink, useHref } from '../shared/address.tsx';
import { IfMay, useApp, useMay } from '../shared/app.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState } from '../shared/states.tsx';
import { RecentRuns } from '../workflows/overview/RecentRuns.tsx';
import { Section } from '../workflows/overview/Section.tsx';
import { Attention } from './Attention.tsx';
import { Checklist } from './Checklist.tsx';
import { Today } from './Today.tsx';
import { useOverview } from './use-overview.ts';

export default function HomePage() {
  const { name, organization } = useApp();
  const overview = useOverview();
  const href = useHref();
  const mayReadRuns = useMay('run:read');
  return (
    <>
      <PageHeader
        title={name}
        help="quickstart"
        actions={
          <IfMay permission="run:execute">
            <Button component="a" href={href('/start')}>
              Start a run
            </Button>
          </IfMay>
        }
      >
        {organization}
      </PageHeader>
      <Checklist />
      <Stack gap="lg">
        <IfMay permission="stats:read">
          <Today overview={overview.data} />
        </IfMay>
        <Attention
          overview={overview.data}
          error={overview.error}
          retry={() => void overview.refetch()}
        />
        {mayReadRuns && (
          <Section
            title="Newest runs"
            action={
              <AppLink size="sm" to="/runs">
                All runs
              </AppLink>
            }
          >
            <RecentRuns
              size={10}
              label="Newest runs"
              empty={
                <EmptyState title="No runs yet">
                  Start a workflow to see its progress here.
                </EmptyState>
              }
            />
          </Section>
        )}
      </Stack>
    </>
  );
}
