// The items of a for_each: counts by status, a strip of their states in the order of the list, and the items themselves,
// read page by page. Choosing a part of the strip, a status or a number goes there.
import { Button, Group, NumberInput, SegmentedControl, Text } from '@mantine/core';
import { useState } from 'react';
import type { StepTexts } from '../../../../sdk/src/live/index.ts';
import { count, words } from '../../shared/format.ts';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { HeatStrip } from './HeatStrip.tsx';
import { ItemList } from './ItemList.tsx';
import classes from './step.module.css';

export interface ItemCounts {
  total: number;
  bucket_size: number;
  counts: Record<string, number>;
  buckets: { first: number; last: number; counts: Record<string, number> }[];
}

interface Props {
  runId: string;
  stepId: string;
  seq: number;
  /** What models are writing. */
  texts: StepTexts;
  /** Each item is an agent, which has turns. */
  isAgent: boolean;
}

const BUCKETS = 120;
/** The order of the statuses in the filter. */
const ORDER = ['failed', 'running', 'waiting', 'ready', 'pending', 'cancelled', 'completed'];

export function Items({ runId, stepId, seq, texts, isAgent }: Props) {
  const [status, setStatus] = useState<string>();
  /** The place in the list, from 0, at which the rows begin. */
  const [from, setFrom] = useState(0);
  const [typed, setTyped] = useState<number | string>('');
  const { data, error, refetch } = useAppQuery(
    ['items', 'counts', runId, stepId, seq],
    async (signal) =>
      (await ask(
        supabase
          .rpc('count_items', { run_id: runId, step_id: stepId, buckets: BUCKETS })
          .abortSignal(signal),
      )) as unknown as ItemCounts,
    { placeholderData: (known) => known },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={3} />;
  const started = Object.values(data.counts).reduce((sum, each) => sum + each, 0);
  const statuses = ORDER.filter((name) => (data.counts[name] ?? 0) > 0);
  return (
    <div className={classes.items}>
      <Text size="sm" c="dimmed">
        {count(data.total)} items
        {started < data.total ? `, ${count(data.total - started)} not started` : ''}
      </Text>
      <HeatStrip counts={data} onChoose={setFrom} />
      <Group gap="xs" align="flex-end">
        <SegmentedControl
          size="xs"
          aria-label="Status of the items"
          data={[
            { value: '', label: 'All' },
            ...statuses.map((name) => ({
              value: name,
              label: `${words(name)} ${count(data.counts[name] ?? 0)}`,
            })),
          ]}
          value={status ?? ''}
          onChange={(value) => setStatus(value || undefined)}
        />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (typeof typed === 'number') setFrom(typed);
          }}
        >
          <Group gap={6} align="flex-end">
            <NumberInput
              size="xs"
              w={110}
              aria-label="Number of the item, from 0"
              placeholder="Item number"
              min={0}
              max={Math.max(0, data.total - 1)}
              allowDecimal={false}
              value={typed}
              onChange={setTyped}
            />
            <Button type="submit" size="xs" variant="default">
              Go to item
            </Button>
          </Group>
        </form>
      </Group>
      <ItemList
        key={`${status} ${from}`}
        runId={runId}
        stepId={stepId}
        status={status}
        from={from}
        texts={texts}
        {...(isAgent ? { turnsAt: seq } : {})}
      />
    </div>
  );
}
