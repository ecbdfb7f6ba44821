// What the list of runs shows: a search box, one button for each status with its number, and further conditions.
import { Button, CloseButton, Group, TextInput } from '@mantine/core';
import { IconFilter, IconSearch } from '@tabler/icons-react';
import { type FormEvent, lazy, type ReactNode, Suspense, useState } from 'react';
import { count, words } from '../shared/format.ts';
import { useAction, useAppQuery } from '../shared/query.ts';
import { LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { type FilterKey, type FilterValues, filterOf, list, meanings } from './filter.ts';
import classes from './runs.module.css';
import { type Choices, titleOf } from './use-choices.ts';
import type { RunFilter } from './use-run-filter.ts';

const FilterFields = lazy(() =>
  import('./FilterFields.tsx').then(({ FilterFields }) => ({ default: FilterFields })),
);

const STATUSES = ['pending', 'running', 'paused', 'completed', 'failed', 'timed_out', 'cancelled'];
const SEARCHED = { id: undefined, key: undefined, input: undefined, text: undefined } as const;

interface Counts {
  by_status: Record<string, number>;
  capped: string[];
  is_complete: boolean;
}

function Statuses({ filter: { values, change } }: { filter: RunFilter }) {
  const chosen = list(values.status);
  const { status: _status, ...others } = values;
  const { data } = useAppQuery(
    ['runs', 'counts', JSON.stringify(others)],
    async (signal) => {
      const { data: answer, error } = await supabase
        .rpc('count_runs', { filter: filterOf(others, Date.now()) })
        .abortSignal(signal);
      if (error) throw error;
      return answer as unknown as Counts;
    },
    { placeholderData: (known) => known },
  );
  const numberOf = (status: string) => {
    if (!data) return '';
    const isBound = data.capped.includes(status) || (!data.is_complete && data.capped.length === 0);
    return `${count(data.by_status[status] ?? 0)}${isBound ? '+' : ''}`;
  };
  return (
    <Group component="fieldset" aria-label="Status" gap={6} p={0} bd={0} m={0}>
      <Button
        size="compact-sm"
        radius="xl"
        variant={chosen.length === 0 ? 'filled' : 'default'}
        aria-pressed={chosen.length === 0}
        onClick={() => change({ status: undefined })}
      >
        all
      </Button>
      {STATUSES.map((status) => {
        const isOn = chosen.includes(status);
        const next = isOn ? chosen.filter((each) => each !== status) : [...chosen, status];
        return (
          <Button
            key={status}
            size="compact-sm"
            radius="xl"
            variant={isOn ? 'filled' : 'default'}
            aria-pressed={isOn}
            miw={96}
            onClick={() => change({ status: next.join(',') })}
          >
            {words(status)}&ensp;
            <span style={{ fontVariantNumeric: 'tabular-nums' }}>{numberOf(status)}</span>
          </Button>
        );
      })}
    </Group>
  );
}

/** Which meaning of the text has runs; the first one if none has. */
async function understand(text: string, paths: readonly string[]): Promise<FilterValues> {
  const possible = meanings(text, paths);
  for (const values of possible) {
    const { data } = await supabase.rpc('search_runs', {
      filter: filterOf(values, Date.now()),
      page_size: 1,
    });
    const items = (data as { items?: unknown[] } | null)?.items ?? [];
    if (items.length > 0) return values;
  }
  return possible[0] ?? {};
}

function Search({ filter: { change }, choices }: { filter: RunFilter; choices: Choices }) {
  const [text, setText] = useState('');
  const search = useAction((wanted: string) => understand(wanted, choices.inputs), {
    onSuccess: (values) => {
      change({ ...SEARCHED, ...values });
      setText('');
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (text.trim()) search.run(text);
  }
  return (
    <form onSubmit={submit} style={{ flex: '1 1 260px', maxWidth: 420 }}>
      <TextInput
        aria-label="Search runs"
        placeholder="Run id, key, tag or input value"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        rightSection={
          text && <CloseButton size="sm" aria-label="Clear" onClick={() => setText('')} />
        }
        disabled={search.isRunning}
      />
    </form>
  );
}

interface Props {
  filter: RunFilter;
  choices: Choices;
  /** Error codes of the runs in the list, as suggestions. */
  codes: readonly string[];
  /** Beside the filters: saved views. */
  children?: ReactNode;
}

export function FilterBar({ filter, choices, codes, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const active = (Object.keys(filter.values) as FilterKey[]).filter((key) => key !== 'status');
  return (
    <>
      <Group gap="sm" mb="sm">
        <Search filter={filter} choices={choices} />
        <Button
          variant="default"
          leftSection={<IconFilter size={16} aria-hidden="true" />}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Filter
        </Button>
        {children}
      </Group>
      {isOpen && (
        <Suspense fallback={<LoadingState rows={3} />}>
          <FilterFields
            values={filter.values}
            choices={choices}
            codes={codes}
            onApply={(values) => {
              filter.change(values);
              setOpen(false);
            }}
          />
        </Suspense>
      )}
      {active.length > 0 && (
        <Group gap={6} mb="sm" role="group" aria-label="Conditions">
          {active.map((key) => {
            const title = titleOf(key, filter.values[key] ?? '', choices);
            return (
              <span key={key} className={classes.condition}>
                <span>{title}</span>
                <CloseButton
                  size="xs"
                  aria-label={`Remove ${title}`}
                  onClick={() => filter.change({ [key]: undefined })}
                />
              </span>
            );
          })}
          <Button size="compact-xs" variant="subtle" onClick={() => filter.replace({})}>
            Remove all
          </Button>
        </Group>
      )}
      <Statuses filter={filter} />
    </>
  );
}
