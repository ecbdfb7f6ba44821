// Why the run stands where it is, in a sentence; faults, such as a missing worker, stand out. When the run moves on, the
// place stays with another sentence, so that the page below it does not move.
import { Alert, Anchor, List, Text } from '@mantine/core';
import { IconCircleCheck, IconClock, IconPlugConnectedX } from '@tabler/icons-react';
import { useLayoutEffect, useRef } from 'react';
import { AppLink } from '../shared/address.tsx';
import { RelativeTime } from '../shared/Times.tsx';
import type { Explanation, Reason } from './explanation.ts';

/** Work or waits that an operator has to look at. */
const FAULTS = new Set([
  'no_worker',
  'no_bridge',
  'not_compiled',
  'lease_expired',
  'token_missing',
  'message_quarantined',
  'timer_due',
  'no_open_step',
]);
const PAGES: Readonly<Record<string, string>> = {
  no_worker: '/insight/workers',
  lease_expired: '/insight/workers',
  queued: '/insight/queues',
  task_queue_limit: '/insight/queues',
  task_queue_steps: '/insight/queues',
  workflow_limit: '/insight/queues',
};
const EXECUTING = new Set(['executing', 'temporal_executing']);
const SHOWN = 5;

function More({ code, until }: Reason) {
  const page = PAGES[code];
  return (
    <>
      {until && (
        <Text span c="dimmed" size="sm">
          {' '}
          (<RelativeTime at={until} />)
        </Text>
      )}
      {page && (
        <>
          {' '}
          <AppLink to={page} size="sm">
            {page.endsWith('workers') ? 'Show workers' : 'Show queues'}
          </AppLink>
        </>
      )}
    </>
  );
}

interface Props {
  /** Undefined while it is read, and for a run that has ended. */
  explanation: Explanation | undefined;
  /** What the place says when nothing waits any more. */
  otherwise: string;
  onChoose(stepId: string): void;
}

const waitsOf = ({ steps }: Explanation) =>
  steps.filter(({ code, item }) => !EXECUTING.has(code) && item === undefined);

export function Waiting({ explanation, otherwise, onChoose }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  useLayoutEffect(() => {
    height.current = Math.max(height.current, place.current?.offsetHeight ?? 0);
  });
  const isWaiting =
    explanation !== undefined &&
    (!EXECUTING.has(explanation.run.code) || waitsOf(explanation).length > 0);
  if (!isWaiting && height.current === 0) return null;
  return (
    <div ref={place} style={{ minHeight: height.current }}>
      {isWaiting ? (
        <Reasons explanation={explanation} onChoose={onChoose} />
      ) : (
        <Alert
          color="gray"
          variant="light"
          icon={<IconCircleCheck aria-hidden="true" />}
          py="sm"
          mih={height.current}
        >
          <Text c="var(--mantine-color-text)" size="sm">
            {otherwise}
          </Text>
        </Alert>
      )}
    </div>
  );
}

interface ReasonsProps {
  explanation: Explanation;
  onChoose(stepId: string): void;
}

function Reasons({ explanation, onChoose }: ReasonsProps) {
  const { run, steps } = explanation;
  const isFault = FAULTS.has(run.code) || steps.some(({ code }) => FAULTS.has(code));
  const waits = waitsOf(explanation);
  return (
    <Alert
      color={isFault ? 'red' : 'gray'}
      variant="light"
      title={isFault ? 'The run needs attention' : 'Why it waits'}
      icon={isFault ? <IconPlugConnectedX aria-hidden="true" /> : <IconClock aria-hidden="true" />}
      py="sm"
    >
      <Text c="var(--mantine-color-text)" size="sm">
        {run.sentence}
        <More {...run} />
      </Text>
      {waits.length > 1 && (
        <List size="sm" c="var(--mantine-color-text)" mt={4} spacing={2}>
          {waits.slice(0, SHOWN).map((step) => (
            <List.Item key={step.step_run_id}>
              <Anchor component="button" size="sm" onClick={() => onChoose(step.step)}>
                {step.step}
              </Anchor>
              : {step.sentence}
              <More {...step} />
            </List.Item>
          ))}
          {waits.length > SHOWN && (
            <List.Item>{waits.length - SHOWN} more steps wait: choose one in the graph.</List.Item>
          )}
        </List>
      )}
    </Alert>
  );
}
