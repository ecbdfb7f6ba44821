// The inbox: tasks of all runs that wait for a person, by whom they are for, live; and those that the person has answered.
import { Badge, Button, Tabs } from '@mantine/core';
import { useAddressParam } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { ListView } from '../shared/ListView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { keysetPage, useList } from '../shared/use-list.ts';
import { useLiveKeys, useRunsTopic } from '../shared/use-live.ts';
import { FILTERS, type Filter, isFilter, type Listed, queryOf } from './filters.ts';
import classes from './TasksPage.module.css';
import { useTaskColumns } from './task-columns.tsx';

interface Counts {
  mine: number;
  role: number;
  unassigned: number;
  overdue: number;
  all: number;
}

const useCounts = () =>
  useAppQuery(
    ['tasks', 'counts'],
    async (signal) =>
      (await ask(supabase.rpc('task_counts').abortSignal(signal))) as unknown as Counts,
  ).data;

function FilterTabs({ filter, onChange }: { filter: Filter; onChange(filter: Filter): void }) {
  const data = useCounts();
  return (
    <Tabs
      value={filter}
      onChange={(next) => next && onChange(next as Filter)}
      mb="md"
      classNames={{ list: classes.tabs ?? '' }}
    >
      <Tabs.List aria-label="Which tasks">
        {Object.entries(FILTERS).map(([name, { label }]) => {
          const count = name === 'done' ? undefined : data?.[name as keyof Counts];
          return (
            <Tabs.Tab
              key={name}
              value={name}
              rightSection={
                // Kept in place while the counts are read, so that nothing moves.
                name === 'done' ? undefined : (
                  <Badge
                    size="sm"
                    variant={name === 'overdue' && count ? 'filled' : 'default'}
                    {...(name === 'overdue' && count ? { color: 'red.8' } : {})}
                    className={classes.count ?? ''}
                  >
                    {count ?? '–'}
                  </Badge>
                )
              }
            >
              {label}
            </Tabs.Tab>
          );
        })}
      </Tabs.List>
    </Tabs>
  );
}

export default function TasksPage() {
  const app = useApp();
  const [given, setFilter] = useAddressParam('show');
  const filter: Filter = isFilter(given) ? given : 'mine';
  const topic = useRunsTopic();
  useLiveKeys(topic, [['tasks', 'counts'], ['open-tasks']]);
  const list = useList<Listed>({
    key: ['tasks', 'list', filter],
    live: topic,
    page: (cursor, signal) =>
      keysetPage<Listed>(queryOf(filter, app).abortSignal(signal), cursor, {
        // The oldest open task is the most urgent one; of answered ones the latest is wanted.
        columns: [filter === 'done' ? 'completed_at' : 'created_at', 'id'],
        ascending: filter !== 'done',
      }),
  });
  const columns = useTaskColumns(filter);
  const { empty, hint } = FILTERS[filter];
  const open = useCounts()?.all ?? 0;
  return (
    <>
      <PageHeader title="Tasks" help="guides/approvals-and-tasks">
        Approvals and forms that runs wait for.
      </PageHeader>
      <FilterTabs
        filter={filter}
        onChange={(next) => setFilter(next === 'mine' ? undefined : next)}
      />
      <ListView
        list={list}
        label="Tasks"
        columns={columns}
        rowId={({ id }) => id}
        rowProps={({ id }) => ({ 'data-task': id })}
        empty={
          <EmptyState
            title={empty}
            action={
              open > 0 && filter !== 'all' ? (
                <Button variant="default" onClick={() => setFilter('all')}>
                  {open === 1 ? 'Show the open task' : `Show all ${open} open tasks`}
                </Button>
              ) : undefined
            }
          >
            {hint}
          </EmptyState>
        }
      />
    </>
  );
}
