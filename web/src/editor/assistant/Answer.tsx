// The answer of the model: its text while it writes, then what it would change, the problems that the checker finds, and
// the buttons that apply it or ask the model to fix it.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { attemptKey, hasEnded } from '../../../../sdk/src/live/index.ts';
import { AppLink } from '../../shared/address.tsx';
import { JsonView } from '../../shared/JsonView.tsx';
import { useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { useRun } from '../../shared/use-run.ts';
import { useStepValues } from '../../shared/use-step-values.ts';
import { ChangeList } from '../dialogs/ChangeList.tsx';
import { type Fault, validate } from '../draft/api.ts';
import { placed } from '../draft/load.ts';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { changesOf } from '../model/changes.ts';
import type { Draft } from '../model/definition.ts';
import { faultText } from '../model/faults.ts';
import { type Proposal, proposalIn } from './proposal.ts';

interface Props {
  runId: string;
  /** The draft that the model has changed. */
  before: Draft;
  onApply(draft: Draft): void;
  /** Asks the model again, with the problems of its answer. */
  onFix(draft: Draft, faults: readonly Fault[]): void;
}

interface Output {
  text?: string;
}

/** The text of the answer; undefined until the model is ready. */
function useAnswer(runId: string) {
  const { snapshot, error, texts, live } = useRun(runId);
  const [attempt] = [...useStepValues(snapshot)].sort((a, b) => b.attempt - a.attempt);
  const written = snapshot?.steps
    .map((step) => texts.get(attemptKey(step))?.text)
    .findLast((text) => text !== undefined);
  const isEnded = snapshot !== undefined && hasEnded(snapshot.run.status);
  const text = (attempt?.output as Output | null | undefined)?.text;
  const failure = attempt?.error ?? (isEnded ? snapshot.run.error : null);
  return { text, failure, written, error, live };
}

export function Answer({ runId, before, onApply, onFix }: Props) {
  const { text, failure, written, error, live } = useAnswer(runId);
  const read = useMemo((): { proposal?: Proposal; problem?: string } => {
    if (text === undefined) return {};
    try {
      return { proposal: proposalIn(text, before) };
    } catch (problem) {
      return { problem: (problem as Error).message };
    }
  }, [text, before]);
  const status =
    failure !== null
      ? 'failed'
      : text === undefined
        ? 'writing'
        : read.problem === undefined
          ? 'ready'
          : 'unreadable';
  return (
    <Stack gap="sm" data-assistant={status} data-live={live} aria-live="polite">
      {error && <ErrorState error={error} />}
      {status === 'writing' && (
        <>
          <Text size="sm" role="status">
            The model writes.
          </Text>
          {written === undefined ? (
            <LoadingState rows={2} />
          ) : (
            <pre className={classes.live}>{written.slice(-1_200)}</pre>
          )}
        </>
      )}
      {failure !== null && failure !== undefined && (
        <>
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {(failure as { message?: string }).message ?? 'The model gave no answer.'}
          </Text>
          <JsonView label="Error" value={failure} depth={0} />
        </>
      )}
      {read.problem !== undefined && (
        <>
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {read.problem}
          </Text>
          <pre className={classes.live}>{text}</pre>
        </>
      )}
      {read.proposal !== undefined && (
        <Proposed proposal={read.proposal} before={before} onApply={onApply} onFix={onFix} />
      )}
      <Text size="sm">
        <AppLink to={`/runs/${runId}`} size="sm">
          Open the run that asked the model
        </AppLink>
      </Text>
    </Stack>
  );
}

function Proposed({
  proposal,
  before,
  onApply,
  onFix,
}: Pick<Props, 'before' | 'onApply' | 'onFix'> & { proposal: Proposal }) {
  const { workflow } = useEditor();
  const { draft, summary, isUnplaced } = proposal;
  const checked = useAppQuery(
    ['assistant', workflow.kebab_name, draft],
    async () => {
      const [faults, ready] = await Promise.all([
        validate(workflow.kebab_name, draft),
        isUnplaced ? placed(draft) : draft,
      ]);
      return { faults, ready };
    },
    { staleTime: Number.POSITIVE_INFINITY },
  );
  if (checked.error) {
    return <ErrorState error={checked.error} retry={() => void checked.refetch()} />;
  }
  if (checked.data === undefined) return <LoadingState rows={3} />;
  const { faults, ready } = checked.data;
  const errors = faults.filter(({ severity }) => severity === 'error');
  return (
    <>
      {summary && <Text>{summary}</Text>}
      <ChangeList title="What would change" changes={changesOf(before, draft)} />
      {errors.length > 0 && (
        <section aria-label="Problems of the answer">
          <Text size="sm" fw={600}>
            The checker finds {errors.length === 1 ? 'a problem' : `${errors.length} problems`}
          </Text>
          <ul className={classes.problems}>
            {errors.slice(0, 20).map((fault) => (
              <li key={`${fault.pointer} ${fault.message}`}>
                <Text size="sm">
                  {fault.node === null ? '' : `${fault.node}: `}
                  {faultText(fault)}
                </Text>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Group>
        <Button variant={errors.length > 0 ? 'default' : 'filled'} onClick={() => onApply(ready)}>
          Apply to the draft
        </Button>
        {errors.length > 0 && (
          <Button onClick={() => onFix(draft, errors)}>Ask the model to fix them</Button>
        )}
      </Group>
    </>
  );
}
