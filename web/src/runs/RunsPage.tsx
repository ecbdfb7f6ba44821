// The runs of the application: newest first, live, without end. The filter is in the address; selected runs, or all that
// match, can be changed at once.
import { Button, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArrowUp } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { useApp, useMay } from '../shared/app.tsx';
import { useCommands } from '../shared/commands.ts';
import { count } from '../shared/format.ts';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState } from '../shared/states.tsx';
import { COLUMNS } from './columns.tsx';
import { FilterBar } from './FilterBar.tsx';
import { filterOf } from './filter.ts';
import { Operations, OperationsButton } from './Operations.tsx';
import classes from './runs.module.css';
import { useChoices } from './use-choices.ts';
import { useAtTop, usePlace } from './use-place.ts';
import { useRunFilter } from './use-run-filter.ts';
import { useRuns } from './use-runs.ts';
import { Views } from './Views.tsx';

const StartRun = lazy(() =>
  import('./StartRun.tsx').then(({ StartRun }) => ({ default: StartRun })),
);
const SelectionBar = lazy(() =>
  import('./SelectionBar.tsx').then(({ SelectionBar }) => ({ default: SelectionBar })),
);
const NONE: ReadonlySet<string> = new Set();

export default function RunsPage() {
  const { code } = useApp();
  const filter = useRunFilter();
  const name = JSON.stringify(filter.values);
  const [ids, setIds] = useState(NONE);
  const [isAll, setAll] = useState(false);
  const [isStarting, starting] = useDisclosure();
  const mayStart = useMay('run:execute');
  const mayCancel = useMay('run:cancel');
  const choices = useChoices();
  const isAtTop = useAtTop();
  const isSelecting = ids.size > 0 || isAll;
  const list = useRuns(filter.values, isAtTop && !isSelecting);
  usePlace(`${code} ${name}`, list.rows !== undefined);
  useCommands(mayStart ? [{ id: 'start-run', label: 'Start a run', run: starting.open }] : [], [
    mayStart,
  ]);
  const clear = () => {
    setIds(NONE);
    setAll(false);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another list
  useEffect(clear, [name]);
  const codes = useMemo(
    () => [...new Set((list.rows ?? []).flatMap(({ error }) => error?.code ?? []))].sort(),
    [list.rows],
  );
  const hasFilter = name !== '{}';

  return (
    <>
      <PageHeader
        title="Runs"
        help="guides/find-runs"
        actions={mayStart && <Button onClick={starting.open}>Start a run</Button>}
      />
      <Operations />
      <FilterBar filter={filter} choices={choices} codes={codes}>
        <Views filter={filter} />
        <OperationsButton />
      </FilterBar>
      <div className={classes.pill} role="status">
        {list.fresh.length > 0 && !isAtTop && (
          <Button
            size="compact-md"
            radius="xl"
            leftSection={<IconArrowUp size={16} aria-hidden="true" />}
            onClick={() => {
              list.accept();
              window.scrollTo({ top: 0 });
            }}
          >
            {list.fresh.length === 1 ? '1 new run' : `${count(list.fresh.length)} new runs`}
          </Button>
        )}
      </div>
      <div style={{ marginTop: 12 }}>
        <ListView
          list={list}
          label="Runs"
          columns={COLUMNS}
          rowId={({ id }) => id}
          rowProps={({ id }) => ({ 'data-run': id })}
          rowHeight={60}
          {...(mayStart || mayCancel
            ? {
                selection: {
                  ids,
                  noun: 'run',
                  onChange: (next) => {
                    setAll(false);
                    setIds(next);
                  },
                },
              }
            : {})}
          empty={
            hasFilter ? (
              <EmptyState
                title={list.hasMore ? 'No run found yet' : 'No run matches'}
                action={
                  <Group gap="xs">
                    {list.hasMore && (
                      <Button variant="default" onClick={list.more} loading={list.isReadingMore}>
                        Search older runs
                      </Button>
                    )}
                    <Button variant="default" onClick={() => filter.replace({})}>
                      Remove the filter
                    </Button>
                  </Group>
                }
              >
                Change the conditions, or remove them to see all runs.
              </EmptyState>
            ) : (
              <EmptyState title="No runs yet">Start a run to watch its progress.</EmptyState>
            )
          }
        />
      </div>
      {list.rows && list.rows.length > 0 && !list.hasMore && (
        <Text size="xs" c="dimmed" ta="center" mt="sm">
          {count(list.rows.length)} {list.rows.length === 1 ? 'run' : 'runs'}
        </Text>
      )}
      <Suspense>
        {isSelecting && (
          <SelectionBar
            ids={ids}
            filter={filterOf(filter.values, Date.now())}
            isAll={isAll}
            onAll={() => setAll(true)}
            onClear={clear}
          />
        )}
        {isStarting && <StartRun onClose={starting.close} />}
      </Suspense>
    </>
  );
}
