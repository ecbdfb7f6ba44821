// Endless lists by keyset pages, on TanStack Query. `page(cursor, signal)` reads one page; `keysetPage` makes it from a
// query of a table, `rpcPage` from an RPC that returns {items, next_cursor}. With `live`, messages of the topic read the
// loaded pages again. DataTable shows the rows.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useAppCode } from './app.tsx';
import { ask, type Key } from './query.ts';
import { useLiveKeys } from './use-live.ts';

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null: this is the last page. */
  next: string | null;
}

export interface List<T> {
  /** Undefined while the first page is read. */
  rows: T[] | undefined;
  error: Error | null;
  hasMore: boolean;
  isReadingMore: boolean;
  /** Reads the next page; safe to call repeatedly. */
  more(): void;
  /** Reads the loaded pages again. */
  refresh(): void;
  /** The time of the rows in milliseconds. */
  updatedAt: number;
  /** Whether messages arrive now; false without `live`. */
  isLive: boolean;
}

interface ListOptions<T> {
  /** Without the code of the application; it contains every filter. */
  key: Key;
  page(cursor: string | undefined, signal: AbortSignal): Promise<Page<T>>;
  /** A topic, see use-live.ts. */
  live?: string;
}

export function useList<T>({ key, page, live }: ListOptions<T>): List<T> {
  const app = useAppCode();
  const query = useInfiniteQuery({
    queryKey: [app, ...key],
    queryFn: ({ pageParam, signal }) => page(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<T>) => last.next,
  });
  const isLive = useLiveKeys(live, [key]);
  const { data, fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = query;
  const rows = useMemo(() => data?.pages.flatMap(({ items }) => items), [data]);
  return {
    rows,
    error: query.error,
    hasMore: hasNextPage,
    isReadingMore: isFetchingNextPage,
    more: () => {
      // Without this, asking for a page cancels the read that a message has begun.
      if (hasNextPage && !query.isFetching) void fetchNextPage();
    },
    refresh: () => void refetch(),
    updatedAt: query.dataUpdatedAt,
    isLive,
  };
}

/** The page of an RPC that returns `{items, next_cursor}`, as search_runs does. */
export async function rpcPage<T>(
  call: PromiseLike<{ data: unknown; error: unknown }>,
): Promise<Page<T>> {
  const answer = (await ask(call)) as { items: T[]; next_cursor: string | null };
  return { items: answer.items, next: answer.next_cursor };
}

interface Keyset<T> {
  /** The columns of the order: the last one must be unique. */
  columns: readonly (keyof T & string)[];
  ascending?: boolean;
  size?: number;
}

/** The part of a query of supabase-js that keyset pages need. */
interface KeysetQuery<T> extends PromiseLike<{ data: T[] | null; error: unknown }> {
  or(filters: string): this;
  order(column: string, options: { ascending: boolean }): this;
  limit(count: number): this;
}

/**
 * A page of a table: `keysetPage(supabase.from('events').select('*'), cursor, { columns: ['created_at', 'id'] })`. The
 * columns must not be null.
 */
export async function keysetPage<T>(
  query: unknown,
  cursor: string | undefined,
  { columns, ascending = false, size = 50 }: Keyset<T>,
): Promise<Page<T>> {
  let built = query as KeysetQuery<T>;
  for (const column of columns) built = built.order(column, { ascending });
  if (cursor !== undefined) {
    const values = JSON.parse(cursor) as unknown[];
    const operator = ascending ? 'gt' : 'lt';
    const quoted = values.map((value) => `"${String(value).replaceAll(/["\\]/g, '\\$&')}"`);
    // (a < x) or (a = x and b < y) …: the rows after the last one of the page before.
    const after = columns.map((column, n) => {
      const equal = columns.slice(0, n).map((each, i) => `${each}.eq.${quoted[i]}`);
      return `and(${[...equal, `${column}.${operator}.${quoted[n]}`].join(',')})`;
    });
    built = built.or(after.join(','));
  }
  const items = (await ask(built.limit(size))) as T[];
  const last = items.at(-1);
  const isFull = items.length === size && last !== undefined;
  return { items, next: isFull ? JSON.stringify(columns.map((column) => last?.[column])) : null };
}
