// Why the run stands where it is, in a sentence; faults, such as a missing worker, stand out.
import { Alert, Anchor, List, Text } from '@mantine/core';
import { IconClock, IconPlugConnectedX } from '@tabler/icons-react';
import { AppLink } from '../shared/address.tsx';
import { RelativeTime } from '../shared/Times.tsx';
import type { Explanation, Reason } from './explanation.ts';

/** Work or waits that an operator has to look at. */
const FAULTS = new Set([
  'no_worker',
  'lease_expired',
  'token_missing',
  'message_quarantined',
  'timer_due',
  'no_open_step',
]);
const PAGES: Readonly<Record<string, string>> = {
  no_worker: '/workers',
  lease_expired: '/workers',
  queued: '/queues',
  task_queue_limit: '/queues',
  task_queue_steps: '/queues',
  workflow_limit: '/queues',
};
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
            {page === '/workers' ? 'Show workers' : 'Show queues'}
          </AppLink>
        </>
      )}
    </>
  );
}

interface Props {
  explanation: Explanation;
  onChoose(stepId: string): void;
}

export function Waiting({ explanation, onChoose }: Props) {
  const { run, steps } = explanation;
  const isFault = FAULTS.has(run.code) || steps.some(({ code }) => FAULTS.has(code));
  const waits = steps.filter(({ code, item }) => code !== 'executing' && item === undefined);
  if (run.code === 'executing' && waits.length === 0) return null;
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
