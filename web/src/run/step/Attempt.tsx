// One attempt of a step or item: facts, error with its meaning and stack, output, resolved input, the text that a model is
// writing, and what a model call cost.
import { Anchor, Code, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { attemptKey, hasEnded, type StepTexts } from '../../../../sdk/src/live/index.ts';
import { AppLink } from '../../shared/address.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { count, dateTime } from '../../shared/format.ts';
import { JsonView } from '../../shared/JsonView.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import type { StepRun } from '../../shared/supabase.ts';
import { Duration } from '../../shared/Times.tsx';
import { errorOf, meaningOf } from '../error-meaning.ts';
import { usePerson } from '../people.ts';
import { dollars, type Usage } from './costs.ts';
import classes from './step.module.css';

export function Part({
  title,
  children,
  isOpen = true,
}: {
  title: string;
  children: ReactNode;
  isOpen?: boolean;
}) {
  return (
    <details open={isOpen}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

export function ErrorPart({ error: value }: { error: unknown }) {
  if (value === null || value === undefined) return null;
  const error = errorOf(value);
  const { stack, ...details } = error.details ?? {};
  const meaning = meaningOf(error.code);
  return (
    <div className={classes.error}>
      <Text size="sm" fw={600} className={classes.wrap}>
        {error.message ?? 'The step failed.'}
      </Text>
      {error.code && (
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
      {typeof stack === 'string' && <pre className={classes.stack}>{stack}</pre>}
      {Object.keys(details).length > 0 && (
        <Part title="Details" isOpen={false}>
          <JsonView label="Details of the error" value={details} />
        </Part>
      )}
    </div>
  );
}

/** Model, tokens and costs, if the output is that of a model call. */
function ModelCall({ output }: { output: unknown }) {
  if (typeof output !== 'object' || output === null || !('model' in output)) return null;
  const { model, provider, usage, cost, finish_reason, turns } = output as {
    model?: unknown;
    provider?: unknown;
    usage?: Usage | null;
    cost?: number | null;
    finish_reason?: unknown;
    turns?: unknown;
  };
  if (typeof model !== 'string' || typeof provider !== 'string') return null;
  return (
    <Group gap="md" className={classes.facts}>
      <span>
        {provider} {model}
      </span>
      {usage && (
        <span>
          {count(usage.input_tokens ?? 0)} tokens in, {count(usage.output_tokens ?? 0)} out
        </span>
      )}
      <span>{dollars(cost)}</span>
      {typeof turns === 'number' && <span>{turns} turns</span>}
      {typeof finish_reason === 'string' && <span>{finish_reason}</span>}
    </Group>
  );
}

const kindOf = (index: number): string | undefined =>
  index === -1 ? 'compensation' : index < -1 ? `tool ${-1 - index}` : undefined;

interface Props {
  step: StepRun;
  isFirst: boolean;
  handles: (string | null)[];
  text: StepTexts;
}

export function Attempt({ step, isFirst, handles, text }: Props) {
  const person = usePerson(step.completed_by);
  const kind = kindOf(step.item_index);
  const written = hasEnded(step.status) ? undefined : text.get(attemptKey(step))?.text;
  const childId = (step.output as { child_run_id?: unknown } | null)?.child_run_id;
  return (
    <article className={classes.attempt}>
      <Group gap="md" className={classes.facts}>
        <StatusBadge name={step.status} />
        {kind && <span>{kind}</span>}
        <span>attempt {step.attempt}</span>
        <Duration ms={step.duration_ms} since={hasEnded(step.status) ? null : step.started_at} />
        <span>{dateTime(step.started_at)}</span>
      </Group>
      {person && <Text size="sm">Decided by {person}</Text>}
      {step.handle && (
        <Text size="sm">
          {handles.includes(step.handle)
            ? `Took the branch “${step.handle}”`
            : `No edge has the handle “${step.handle}”`}
        </Text>
      )}
      {typeof childId === 'string' && <AppLink to={`/runs/${childId}`}>Show the child run</AppLink>}
      <ErrorPart error={step.error} />
      {written && (
        <Part title="Text so far">
          <pre className={classes.stack}>{written}</pre>
        </Part>
      )}
      <ModelCall output={step.output} />
      {step.output !== null && (
        <Part title="Output" isOpen={isFirst}>
          <JsonView label={`Output of attempt ${step.attempt}`} value={step.output} />
        </Part>
      )}
      {step.input !== null && (
        <Part title="Input" isOpen={isFirst}>
          <JsonView label={`Input of attempt ${step.attempt}`} value={step.input} />
        </Part>
      )}
      {step.item !== null && (
        <Part title="Item" isOpen={isFirst}>
          <JsonView label={`Item of attempt ${step.attempt}`} value={step.item} />
        </Part>
      )}
    </article>
  );
}
