// The items of a for_each from a place on, page by page; an opened one shows its attempts. Only rows in view are in the
// document.
import { Group, Text, UnstyledButton } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import type { StepTexts } from '../../../../sdk/src/live/index.ts';
import { ask, useAppQuery } from '../../shared/query.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Duration } from '../../shared/Times.tsx';
import { useList } from '../../shared/use-list.ts';
import { Attempt, Part } from './Attempt.tsx';
import classes from './step.module.css';
import { Turns } from './Turns.tsx';

interface ItemRow {
  id: string;
  item_index: number;
  attempt: number;
  status: string;
  started_at: string | null;
  duration_ms: number | null;
  error_code: string | null;
  error_message: string | null;
}

const PAGE = 100;
const ROW = 34;
const COLUMNS =
  'id,item_index,attempt,status,started_at,duration_ms,error_code:error->>code,error_message:error->>message';

/** What an opened item shows besides its rows. */
interface Live {
  /** What models are writing. */
  texts: StepTexts;
  /** For agents, which have turns: the event of the run after which they are read. */
  turnsAt?: number;
}

interface Props extends Live {
  runId: string;
  stepId: string;
  status: string | undefined;
  from: number;
}

export function ItemList({ runId, stepId, status, from, ...live }: Props) {
  const [open, setOpen] = useState<number>();
  const scroller = useRef<HTMLElement>(null);
  const list = useList<ItemRow>({
    key: ['items', runId, stepId, status ?? '', from],
    live: `stepbase:run:${runId}`,
    page: async (cursor, signal) => {
      const items: ItemRow[] = await ask(
        supabase
          .rpc('list_items', {
            run_id: runId,
            step_id: stepId,
            after: cursor === undefined ? from : Number(cursor),
            page_size: PAGE,
            ...(status === undefined ? {} : { status }),
          })
          .select(COLUMNS)
          .abortSignal(signal),
      );
      const last = items.at(-1);
      return { items, next: items.length === PAGE && last ? String(last.item_index) : null };
    },
  });
  const { rows = [], more } = list;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => rows[index]?.item_index ?? index,
    overscan: 10,
  });
  const shown = virtualizer.getVirtualItems();
  const isNearEnd = (shown.at(-1)?.index ?? 0) >= rows.length - 20;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page that arrives may leave the end near again
  useEffect(() => {
    if (isNearEnd) more();
  }, [isNearEnd, rows.length]);

  if (list.error) return <ErrorState error={list.error} retry={list.refresh} />;
  if (list.rows === undefined) return <LoadingState rows={5} height={30} />;
  if (rows.length === 0) return <EmptyState title="No item has this status here" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className={classes.list} ref={scroller} tabIndex={0} aria-label="Items">
      <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {shown.map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          const isOpen = open === row.item_index;
          return (
            <div
              key={row.item_index}
              ref={virtualizer.measureElement}
              data-index={index}
              data-item={row.item_index - 1}
              className={classes.item}
              style={{ transform: `translateY(${start}px)` }}
            >
              <UnstyledButton
                className={classes.itemHead}
                aria-expanded={isOpen}
                onClick={() => setOpen(isOpen ? undefined : row.item_index)}
              >
                <IconChevronRight size={14} aria-hidden="true" data-open={isOpen} />
                <span className="mono">[{row.item_index - 1}]</span>
                <StatusBadge name={row.status} />
                <Text span size="xs" c="dimmed">
                  <Duration ms={row.duration_ms} />
                  {row.attempt > 1 && ` · attempt ${row.attempt}`}
                </Text>
                <Text span size="xs" truncate className={classes.cause}>
                  {row.error_message ?? row.error_code}
                </Text>
              </UnstyledButton>
              {isOpen && (
                <ItemAttempts
                  runId={runId}
                  stepId={stepId}
                  itemIndex={row.item_index}
                  state={row.status}
                  {...live}
                />
              )}
            </div>
          );
        })}
      </div>
    </section>
  );
}

interface AttemptsProps extends Live {
  runId: string;
  stepId: string;
  itemIndex: number;
  state: string;
}

function ItemAttempts({ runId, stepId, itemIndex, state, texts, turnsAt }: AttemptsProps) {
  const { data, error, refetch } = useAppQuery(
    ['item', runId, stepId, itemIndex, state],
    (signal) =>
      ask(
        supabase
          .from('step_runs')
          .select('*')
          .eq('run_id', runId)
          .eq('step_id', stepId)
          .eq('item_index', itemIndex)
          .order('attempt', { ascending: false })
          .limit(20)
          .abortSignal(signal),
      ),
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={2} />;
  return (
    <Group gap={0} className={classes.itemBody}>
      {data.map((step, place) => (
        <Attempt key={step.id} step={step} isFirst={place === 0} handles={[]} text={texts} />
      ))}
      {turnsAt !== undefined && (
        <Part title="Turns">
          <Turns runId={runId} stepId={stepId} itemIndex={itemIndex} seq={turnsAt} />
        </Part>
      )}
    </Group>
  );
}
