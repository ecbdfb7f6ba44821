// The context of the run at any of its versions: each result of a step made one. The slider scrubs through them; the
// differences are those to the version before, or to a chosen one.
import { Group, Select, Slider, Stack, Text, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { lazy, Suspense, useState } from 'react';
import { dateTime } from '../../shared/format.ts';
import { JsonView } from '../../shared/JsonView.tsx';
import { ask, failureOf, useAppQuery } from '../../shared/query.ts';
import { readAll } from '../../shared/read-all.ts';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { type Run, supabase } from '../../shared/supabase.ts';
import classes from '../run.module.css';
import own from './data.module.css';

const Differences = lazy(() => import('./Differences.tsx'));

interface Version {
  version: number | null;
  step_id: string;
  created_at: string | null;
}

function useVersions(run: Run) {
  return useAppQuery(
    ['context-versions', run.id, run.context_version],
    () =>
      readAll<Version>(
        (from, to) =>
          supabase
            .from('run_context')
            .select('version,step_id,created_at')
            .eq('run_id', run.id)
            .order('version')
            .range(from, to),
        ({ version }) => String(version),
      ),
    { placeholderData: (known) => known },
  );
}

/** A version never changes. */
function useContextAt(run: Run, version: number | undefined) {
  return useAppQuery(
    ['context', run.id, version],
    (signal) =>
      ask(
        supabase.rpc('context_at', { run_id: run.id, version: version ?? 0 }).abortSignal(signal),
      ),
    {
      enabled: version !== undefined,
      staleTime: Number.POSITIVE_INFINITY,
      placeholderData: (known) => known,
    },
  );
}

export function ContextTab({ run }: { run: Run }) {
  const versions = useVersions(run);
  const newest = run.context_version;
  const [chosen, setChosen] = useState<number>();
  const [base, setBase] = useState<number>();
  const version = Math.min(chosen ?? newest, newest);
  const [read] = useDebouncedValue(version, 120);
  const other = base ?? Math.max(0, read - 1);
  const now = useContextAt(run, newest === 0 ? undefined : read);
  const before = useContextAt(run, newest === 0 ? undefined : other);

  const failure = failureOf(versions, now, before);
  if (failure) return <ErrorState {...failure} />;
  if (newest === 0) {
    return (
      <EmptyState title="The context is empty">
        Each step that completes adds its output to the context of the run.
      </EmptyState>
    );
  }
  const made = versions.data?.find((each) => each.version === version);
  return (
    <Stack>
      <div className={own.slider}>
        <Slider
          thumbLabel="Version of the context"
          min={0}
          max={newest}
          value={version}
          onChange={setChosen}
          label={(value) => `version ${value}`}
          marks={[
            { value: 0, label: '0' },
            { value: newest, label: String(newest) },
          ]}
        />
      </div>
      <Group justify="space-between" align="flex-end">
        <Text size="sm" data-context-version={version}>
          {made ? (
            <>
              Version {version}: <b>{made.step_id}</b> added its result, {dateTime(made.created_at)}
            </>
          ) : (
            `Version ${version}: before the first result`
          )}
        </Text>
        <Select
          size="xs"
          label="Differences to"
          placeholder="The version before"
          clearable
          searchable
          limit={50}
          value={base === undefined ? null : String(base)}
          onChange={(value) => setBase(value === null ? undefined : Number(value))}
          data={[
            { value: '0', label: '0: the start' },
            ...(versions.data ?? []).map(({ version: each, step_id }) => ({
              value: String(each),
              label: `${each}: ${step_id}`,
            })),
          ]}
        />
      </Group>
      {now.data === undefined || before.data === undefined ? (
        <LoadingState rows={4} />
      ) : (
        <div className={classes.pair}>
          <Stack gap={6}>
            <Title order={2} size="h5">
              Context at version {read}
            </Title>
            <JsonView label="Context" value={now.data} maxHeight={460} depth={2} />
          </Stack>
          <Stack gap={6}>
            <Title order={2} size="h5">
              Differences to version {other}
            </Title>
            <Suspense fallback={<LoadingState rows={3} />}>
              <Differences
                label="Differences of the context"
                before={before.data}
                after={now.data}
              />
            </Suspense>
          </Stack>
        </div>
      )}
    </Stack>
  );
}
