// Why the run ended without success, before everything else: the cause in words, its code and what that means, the
// attempts of the step, and what a person can do.
import { Anchor, Button, Code, Group, Stack, Text, Title } from '@mantine/core';
import { AppLink, useHref } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { docsUrl } from '../shared/docs.ts';
import { duration, timeOnly, words } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { hasFailed } from '../shared/run-status.ts';
import { type Run, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import type { RunNode, RunStep, RunWorkflow } from '../shared/use-run.ts';
import { useRedrive } from './actions/use-run-actions.ts';
import { errorOf, meaningOf } from './error-meaning.ts';
import { LaterRun, useLaterRun } from './LaterRun.tsx';
import { usePerson } from './people.ts';
import classes from './run.module.css';

interface Props {
  run: Run;
  workflow: RunWorkflow;
  nodes: RunNode[];
  steps: RunStep[];
  onChoose(stepId: string): void;
}

/** The step that ended the run: the one that the error names, else the last one that failed. */
function failedStep(run: Run, steps: readonly RunStep[]): string | undefined {
  const named = errorOf(run.error).step_id;
  if (named !== undefined) return named;
  const failed = steps.filter(
    ({ status, item_index, context_version }) =>
      status === 'failed' && item_index === 0 && context_version === null,
  );
  return failed.sort((a, b) => (a.completed_at ?? '').localeCompare(b.completed_at ?? '')).at(-1)
    ?.step_id;
}

/** Who cancelled the run, from its events: the row of the run does not say. */
function CancelledBy({ run }: { run: Run }) {
  const { data } = useAppQuery(
    ['run-cancelled', run.id],
    async (signal) => {
      const [event] = await ask(
        supabase
          .from('run_events')
          .select('actor_id,created_at')
          .eq('run_id', run.id)
          .eq('event_type', 'run.cancelled')
          .order('seq', { ascending: false })
          .limit(1)
          .abortSignal(signal),
      );
      return event ?? null;
    },
    { staleTime: Number.POSITIVE_INFINITY },
  );
  const person = usePerson(data?.actor_id ?? null);
  if (!data || person === undefined) return null;
  return (
    <Text size="sm">
      By {person}, <RelativeTime at={data.created_at} />
    </Text>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  failed: 'The run failed',
  timed_out: 'The run took too long',
  cancelled: 'The run was cancelled',
};

const SHOWN_ATTEMPTS = 5;

export function Failure({ run, workflow, nodes, steps, onChoose }: Props) {
  const href = useHref();
  const mayStart = useMay('run:execute');
  const mayEdit = useMay('workflow:write');
  const later = useLaterRun(run);
  const redrive = useRedrive(run, later !== undefined);
  const error = errorOf(run.error);
  const stepId = failedStep(run, steps);
  const label = nodes.find(({ node_id }) => node_id === stepId)?.label || stepId;
  const attempts = steps.filter(
    ({ step_id, item_index }) => step_id === stepId && item_index === 0,
  );
  const meaning = meaningOf(error.code);
  const isDeadLetter = hasFailed(run.status);
  const title = TITLES[run.status] ?? `The run is ${words(run.status)}`;
  const editor = new URLSearchParams({ run: run.id, ...(stepId ? { step: stepId } : {}) });

  return (
    <section
      className={`${classes.card} ${classes.failure}`}
      data-tone={isDeadLetter ? 'danger' : 'neutral'}
      aria-label="Why the run ended"
    >
      <Stack gap="xs">
        <Title order={2} size="h4">
          {title}
          {isDeadLetter && stepId !== undefined && ` in step “${label}”`}
        </Title>
        <div className={classes.message} role="alert">
          {error.message ?? 'The run has no message.'}
        </div>
        {error.code !== undefined && (
          <Text size="sm">
            <Anchor
              href={`${docsUrl('reference/errors')}#errors-of-steps`}
              target="_blank"
              rel="noreferrer"
            >
              <Code>{error.code}</Code>
            </Anchor>{' '}
            {meaning}
          </Text>
        )}
        {run.status === 'cancelled' && <CancelledBy run={run} />}
        {error.reason && <Text size="sm">Reason: {error.reason}</Text>}
        {isDeadLetter && attempts.length > 1 && (
          <div>
            <Text size="sm" c="dimmed">
              {attempts.length} attempts
            </Text>
            <ol
              className={classes.attempts}
              start={Math.max(1, attempts.length - SHOWN_ATTEMPTS + 1)}
            >
              {attempts.slice(-SHOWN_ATTEMPTS).map((step) => (
                <li key={step.id}>
                  {step.started_at === null ? 'not started' : timeOnly(step.started_at)},{' '}
                  {duration(step.duration_ms)}: {words(step.status)}
                  {step.error_code && (
                    <>
                      {' '}
                      <Code>{step.error_code}</Code>
                    </>
                  )}
                </li>
              ))}
            </ol>
          </div>
        )}
        {later && <LaterRun run={later} />}
        <Group gap="xs">
          {isDeadLetter && mayStart && (
            <Button
              size="xs"
              {...(later ? { variant: 'default' } : {})}
              loading={redrive.isRunning}
              title="A new run takes over what had completed and continues where this one failed."
              onClick={() => redrive.run()}
            >
              {later ? 'Redrive again' : 'Redrive'}
            </Button>
          )}
          {stepId !== undefined && isDeadLetter && (
            <Button size="xs" variant="default" onClick={() => onChoose(stepId)}>
              Show the step
            </Button>
          )}
          {mayEdit && isDeadLetter && (
            <Button
              size="xs"
              variant="default"
              component="a"
              href={`${href(`/workflows/${workflow.kebab_name}/edit`)}?${editor}`}
            >
              Open the definition with this data
            </Button>
          )}
          {error.code === 'continued_on_version' && (
            <AppLink to={`/runs/${run.id}?tab=related`}>Show the run that continues it</AppLink>
          )}
        </Group>
      </Stack>
    </section>
  );
}
