// Reads and writes of pages, on TanStack Query.
//
// `useAppQuery(['workflows'], () => ask(supabase.from('workflows').select()))` reads rows of the application; its key
// begins with the code of the application, so that two applications never share a cache entry.
// `useAction(save, { success: 'Saved.', changes: [['workflows']] })` writes: it shows the error or the success, and reads
// the changed keys again.
// `ask(call)` turns a call of supabase-js into its data and throws its error.
import {
  QueryClient,
  type UseQueryOptions,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useAppCode } from './app.tsx';
import { isTransient } from './errors.ts';
import { notify } from './notify.ts';

export type Key = readonly unknown[];

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => failures < 2 && isTransient(error),
      staleTime: 5_000,
      gcTime: 600_000,
    },
  },
});

/** The data of a call of supabase-js; throws its error. */
export async function ask<Answer extends { data: unknown; error: unknown }>(
  call: PromiseLike<Answer>,
): Promise<NonNullable<Answer['data']>> {
  const { data, error } = await call;
  if (error) throw error;
  return data as NonNullable<Answer['data']>;
}

/** The key of the application: `useAppKey()(['runs'])` for invalidating or for `useQuery` with other options. */
export function useAppKey(): (key: Key) => Key {
  const app = useAppCode();
  return (key) => [app, ...key];
}

export interface AppQueryOptions<T>
  extends Omit<UseQueryOptions<T, Error, T, Key>, 'queryKey' | 'queryFn'> {}

export function useAppQuery<T>(
  key: Key,
  read: (signal: AbortSignal) => Promise<T>,
  options: AppQueryOptions<T> = {},
): UseQueryResult<T, Error> {
  const app = useAppCode();
  return useQuery({ ...options, queryKey: [app, ...key], queryFn: ({ signal }) => read(signal) });
}

interface ActionOptions<Input, Result> {
  /** Shown when it succeeds. */
  success?: string | ((result: Result, input: Input) => string);
  /** The keys to read again, without the code of the application. */
  changes?: readonly Key[];
  onSuccess?(result: Result, input: Input): void;
  /** Messages by error code that fit the action better. */
  texts?: Readonly<Record<string, string>>;
  /** The page shows the error itself, for example at the fields of a form. */
  isQuiet?: boolean;
}

interface Read {
  error: Error | null;
  refetch(): Promise<unknown>;
}

/** The first error of several reads, and a retry of all that failed, as ErrorState takes them. */
export function failureOf(...reads: Read[]): { error: Error; retry: () => void } | undefined {
  const failed = reads.filter(({ error }) => error);
  const error = failed[0]?.error;
  if (!error) return undefined;
  return {
    error,
    retry: () => {
      for (const read of failed) void read.refetch();
    },
  };
}

export interface Action<Input, Result> {
  /** Starts it; the outcome is shown by itself. */
  run(input: Input): void;
  /** Starts it and waits; rejects with the error, which is also shown. */
  runAsync(input: Input): Promise<Result>;
  isRunning: boolean;
  error: Error | null;
  reset(): void;
}

export function useAction<Input = void, Result = unknown>(
  work: (input: Input) => Promise<Result>,
  { success, changes = [], onSuccess, texts, isQuiet = false }: ActionOptions<Input, Result> = {},
): Action<Input, Result> {
  const client = useQueryClient();
  const keyOf = useAppKey();
  const mutation = useMutation<Result, Error, Input>({
    mutationFn: work,
    onSuccess: (result, input) => {
      for (const key of changes) void client.invalidateQueries({ queryKey: keyOf(key) });
      if (success !== undefined) {
        notify.success(typeof success === 'string' ? success : success(result, input));
      }
      onSuccess?.(result, input);
    },
    onError: (error) => {
      if (!isQuiet) notify.error(error, texts);
    },
  });
  return {
    run: (input) => mutation.mutate(input),
    runAsync: (input) => mutation.mutateAsync(input),
    isRunning: mutation.isPending,
    error: mutation.error,
    reset: mutation.reset,
  };
}
