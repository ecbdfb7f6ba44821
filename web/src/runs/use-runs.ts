// The endless list of runs. The pages that were read stay as they are, so that nothing moves; two small reads keep them
// current: the newest runs of the filter, and the open runs of the list. Runs that are new wait in `fresh` until the
// person accepts them.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import { useAppCode } from '../shared/app.tsx';
import { useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { type List, type Page, rpcPage } from '../shared/use-list.ts';
import { useLiveKeys, useRunsTopic } from '../shared/use-live.ts';
import { type FilterValues, filterOf } from './filter.ts';

export interface ListedRun {
  id: string;
  workflow: string;
  version: number;
  status: string;
  trigger_type: string;
  error: { code?: string; message?: string } | null;
  tags: string[] | null;
  idempotency_key: string | null;
  created_by: string | null;
  created_by_name: string | null;
  input_preview: string | null;
  held_by: string | null;
  steps_total: number;
  steps_completed: number;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
}

const FIRST = 50;
const NEXT = 200;
/** At most so many open runs are read again. */
const OPEN = 200;

const openOf = (rows: readonly ListedRun[]) =>
  rows.filter(({ completed_at }) => completed_at === null).slice(0, OPEN);

interface Runs extends List<ListedRun> {
  /** Runs that are newer than the list. */
  fresh: readonly ListedRun[];
  /** Puts them into the list. */
  accept(): void;
}

type Pages = { pages: Page<ListedRun>[]; pageParams: (string | undefined)[] };

export function useRuns(values: FilterValues, isAtTop: boolean): Runs {
  const app = useAppCode();
  const client = useQueryClient();
  const name = JSON.stringify(values);
  const read = (filter: object, size: number, signal: AbortSignal, cursor?: string) =>
    rpcPage<ListedRun>(
      supabase
        .rpc('search_runs', {
          filter: filter as Record<string, string>,
          page_size: size,
          ...(cursor === undefined ? {} : { cursor }),
        })
        .abortSignal(signal),
    );

  const key = useMemo(() => [app, 'run-pages', name], [app, name]);
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam, signal }) => {
      const filter = filterOf(values, Date.now());
      if (pageParam !== undefined) return await read(filter, NEXT, signal, pageParam);
      const page = await read(filter, FIRST, signal);
      // The first page has what the two small reads would ask for at once.
      client.setQueryData([app, 'runs', 'head', name], page);
      const items = openOf(page.items);
      const ids = items.map(({ id }) => id).join();
      client.setQueryData([app, 'runs', 'open', ids], { items, next: null });
      return page;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<ListedRun>) => last.next,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const { data, fetchNextPage, hasNextPage, isFetchingNextPage, isFetching } = query;
  const loaded = useMemo(() => data?.pages.flatMap(({ items }) => items), [data]);

  const head = useAppQuery(
    ['runs', 'head', name],
    (signal) => read(filterOf(values, Date.now()), FIRST, signal),
    { enabled: loaded !== undefined },
  );
  const open = useMemo(() => openOf(loaded ?? []).map(({ id }) => id), [loaded]);
  const current = useAppQuery(
    ['runs', 'open', open.join()],
    (signal) => read({ id: open }, OPEN, signal),
    { enabled: open.length > 0, placeholderData: (known) => known },
  );
  const isLive = useLiveKeys(useRunsTopic(), [
    ['runs', 'head', name],
    ['runs', 'open', open.join()],
    ['runs', 'counts'],
  ]);

  const newer = useMemo(() => {
    const rows = new Map<string, ListedRun>();
    for (const row of [...(current.data?.items ?? []), ...(head.data?.items ?? [])]) {
      rows.set(row.id, row);
    }
    return rows;
  }, [head.data, current.data]);
  const rows = useMemo(() => loaded?.map((row) => newer.get(row.id) ?? row), [loaded, newer]);
  const fresh = useMemo(() => {
    if (loaded === undefined) return [];
    const known = new Set(loaded.map(({ id }) => id));
    const first = loaded[0]?.created_at ?? '';
    return (head.data?.items ?? []).filter(
      ({ id, created_at }) => !known.has(id) && created_at >= first,
    );
  }, [head.data, loaded]);

  const newest = head.data;
  const accept = useCallback(() => {
    // More than a page of new runs: between them and the list others are missing, so the list begins with them again.
    if (fresh.length >= FIRST && newest !== undefined) {
      void client.cancelQueries({ queryKey: key });
      client.setQueryData<Pages>(key, { pages: [newest], pageParams: [undefined] });
      return;
    }
    client.setQueryData<Pages>(key, (known) => {
      const [first, ...others] = known?.pages ?? [];
      if (known === undefined || first === undefined) return known;
      const ids = new Set(first.items.map(({ id }) => id));
      const added = fresh.filter(({ id }) => !ids.has(id));
      return { ...known, pages: [{ ...first, items: [...added, ...first.items] }, ...others] };
    });
  }, [client, key, fresh, newest]);
  useEffect(() => {
    if (isAtTop && fresh.length > 0) accept();
  }, [isAtTop, fresh, accept]);

  return {
    rows,
    error: query.error ?? head.error,
    hasMore: hasNextPage,
    isReadingMore: isFetchingNextPage,
    more: () => {
      if (hasNextPage && !isFetching) void fetchNextPage();
    },
    refresh: () => {
      void client.resetQueries({ queryKey: key });
      if (head.error) void head.refetch();
    },
    updatedAt: Math.max(query.dataUpdatedAt, head.dataUpdatedAt),
    isLive,
    fresh,
    accept,
  };
}
