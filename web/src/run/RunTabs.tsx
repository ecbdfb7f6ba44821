// Below the graph: what the run took and gave, its context through time, events, log lines, signals and related runs. The
// tab is in the address.
import { Tabs } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useAddressParam } from '../shared/address.tsx';
import { LoadingState } from '../shared/states.tsx';
import type { RunSnapshot } from '../shared/use-run.ts';
import { ContextTab } from './data/ContextTab.tsx';
import { ValuesTab } from './data/ValuesTab.tsx';
import { EventsTab } from './EventsTab.tsx';
import { RelatedTab } from './RelatedTab.tsx';
import classes from './run.module.css';
import { StepLogs } from './step/StepLogs.tsx';

const SignalsTab = lazy(() => import('./SignalsTab.tsx'));

const TABS = [
  ['values', 'Input and output'],
  ['context', 'Context'],
  ['events', 'Events'],
  ['logs', 'Logs'],
  ['signals', 'Signals and queries'],
  ['related', 'Related runs'],
] as const;

interface Props {
  snapshot: RunSnapshot;
  hasEnded: boolean;
  onChoose(stepId: string): void;
}

export function RunTabs({ snapshot, hasEnded, onChoose }: Props) {
  const { run, steps } = snapshot;
  const [tab = 'values', setTab] = useAddressParam('tab');
  const shown = TABS.some(([name]) => name === tab) ? tab : 'values';
  return (
    <Tabs
      value={shown}
      onChange={(value) => setTab(value === 'values' ? undefined : (value ?? undefined))}
      keepMounted={false}
    >
      <Tabs.List>
        {TABS.map(([name, label]) => (
          <Tabs.Tab key={name} value={name}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="values" className={classes.tab}>
        <ValuesTab run={run} hasEnded={hasEnded} />
      </Tabs.Panel>
      <Tabs.Panel value="context" className={classes.tab}>
        <ContextTab run={run} />
      </Tabs.Panel>
      <Tabs.Panel value="events" className={classes.tab}>
        <EventsTab runId={run.id} onChoose={onChoose} />
      </Tabs.Panel>
      <Tabs.Panel value="logs" className={classes.tab}>
        <StepLogs runId={run.id} />
      </Tabs.Panel>
      <Tabs.Panel value="signals" className={classes.tab}>
        <Suspense fallback={<LoadingState rows={3} />}>
          <SignalsTab run={run} steps={steps} />
        </Suspense>
      </Tabs.Panel>
      <Tabs.Panel value="related" className={classes.tab}>
        <RelatedTab run={run} />
      </Tabs.Panel>
    </Tabs>
  );
}
