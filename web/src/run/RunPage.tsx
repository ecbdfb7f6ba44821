// The page of one run, live: why it failed or waits, its tasks, the graph beside the timeline or the chosen step, and its
// values, context, events, logs, signals and related runs.
import { Alert, SegmentedControl, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { useAddressParam, usePathParam } from '../shared/address.tsx';
import { announce } from '../shared/announce.tsx';
import { useContact } from '../shared/contact.ts';
import { words } from '../shared/format.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import type { Json } from '../shared/supabase.ts';
import { type RunSnapshot, useRun } from '../shared/use-run.ts';
import { RunActions } from './actions/RunActions.tsx';
import { useExplanation } from './explanation.ts';
import { Facts } from './Facts.tsx';
import { Failure } from './Failure.tsx';
import { RunTabs } from './RunTabs.tsx';
import classes from './run.module.css';
import { Task } from './Task.tsx';
import { Waiting } from './Waiting.tsx';
import { Work } from './Work.tsx';

const outcomeOf = (pending: Json) => String((pending as { status?: string }).status ?? 'ended');

const TEXTS = { not_found: 'There is no such run in this application.' };
const SHOWN_TASKS = 5;

export default function RunPage() {
  const runId = usePathParam('runId');
  return <RunOf key={runId} runId={runId} />;
}

function RunOf({ runId }: { runId: string }) {
  const live = useRun(runId);
  const { snapshot, error } = live;
  const status = snapshot?.run.status;
  useEffect(() => {
    if (status !== undefined && hasEnded(status)) announce(`The run is ${words(status)}.`);
  }, [status]);
  if (snapshot) return <Page snapshot={snapshot} live={live} />;
  return (
    <>
      <PageHeader
        title="Run"
        help="concepts/runs-and-steps"
        back={{ to: '/runs', label: 'Runs' }}
      />
      {error ? <ErrorState error={error} texts={TEXTS} retry={live.retry} /> : <LoadingState />}
    </>
  );
}

interface PageProps {
  snapshot: RunSnapshot;
  live: ReturnType<typeof useRun>;
}

function Page({ snapshot, live }: PageProps) {
  const { run, workflow, version, steps, tasks, nodes } = snapshot;
  const isEnded = hasEnded(run.status);
  const explanation = useExplanation(run, !isEnded);
  const [chosen, setChosen] = useAddressParam('step');
  const [rerunFrom, setRerunFrom] = useState<string | null>();
  const isNarrow = useMediaQuery('(max-width: 62em)', window.innerWidth <= 992) ?? false;
  const [part, setPart] = useState<'graph' | 'timeline'>('graph');
  const hasFailure = run.error !== null && isEnded;
  // The channel notices the loss of a server later than a request does.
  const isLost = useContact().failedAt !== undefined;
  const isLive = live.live && !isLost;

  return (
    <div className={classes.page}>
      <PageHeader
        title={workflow.name}
        help="concepts/runs-and-steps"
        back={{ to: '/runs', label: 'Runs' }}
        actions={<RunActions snapshot={snapshot} rerunFrom={rerunFrom} onRerun={setRerunFrom} />}
      >
        <div className="run-facts">
          <StatusBadge name={run.status} />{' '}
          {!isEnded && (
            <span className={classes.live} data-live={isLive}>
              {isLive ? 'live' : 'connecting'}
            </span>
          )}
        </div>
      </PageHeader>
      {live.error && <ErrorState error={live.error} retry={live.retry} />}
      {hasFailure && (
        <Failure run={run} workflow={workflow} nodes={nodes} steps={steps} onChoose={setChosen} />
      )}
      {run.pending_outcome && (
        <Alert color="yellow" role="status">
          <Text c="var(--mantine-color-text)">
            Compensating. The run will end as <em>{words(outcomeOf(run.pending_outcome))}</em>.
          </Text>
        </Alert>
      )}
      {tasks.length === 0 && !hasFailure && (
        <Waiting
          explanation={explanation}
          otherwise={isEnded ? `The run is ${words(run.status)}.` : 'The open steps are working.'}
          onChoose={setChosen}
        />
      )}
      {tasks.slice(0, SHOWN_TASKS).map((task) => (
        <Task key={task.id} task={task} />
      ))}
      {tasks.length > SHOWN_TASKS && (
        <Text size="sm">{tasks.length - SHOWN_TASKS} more tasks of this run are in the inbox.</Text>
      )}
      <Facts run={run} workflow={workflow} version={version} />
      {isNarrow && (
        <SegmentedControl
          aria-label="View of the steps"
          data={[
            { value: 'graph', label: 'Graph' },
            { value: 'timeline', label: 'Timeline' },
          ]}
          value={part}
          onChange={(value) => setPart(value as 'graph' | 'timeline')}
        />
      )}
      <Work
        snapshot={snapshot}
        explanation={explanation}
        texts={live.texts}
        hasEnded={isEnded}
        chosen={chosen}
        isNarrow={isNarrow}
        part={part}
        onChoose={setChosen}
        onRerun={setRerunFrom}
      />
      <RunTabs snapshot={snapshot} hasEnded={isEnded} onChoose={setChosen} />
    </div>
  );
}
