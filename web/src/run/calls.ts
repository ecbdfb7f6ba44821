// Calls that change a run: reports their errors and opens runs that they start.
import type { PostgrestError } from '@supabase/supabase-js';
import { explain } from '../shared/errors.ts';

type Answered<T> = PromiseLike<{ data: T | null; error: PostgrestError | null }>;

/** Receives the error message; undefined clears it before the next call. */
export type OnProblem = (problem: string | undefined) => void;

export async function settle<T>(call: Answered<T>, onProblem: OnProblem): Promise<T | undefined> {
  onProblem(undefined);
  const { data, error } = await call;
  if (error) onProblem(explain(error));
  return data ?? undefined;
}

/** Opens the run that the call started; `go` is that of useGo(). */
export async function follow(
  call: Answered<{ id: string }[] | { id: string }>,
  onProblem: OnProblem,
  go: (to: string) => void,
): Promise<void> {
  const [started] = [await settle(call, onProblem)].flat();
  if (started) go(`/runs/${started.id}`);
}
