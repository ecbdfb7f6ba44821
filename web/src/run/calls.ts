// Calls that a person makes on a run: what went wrong is told, a run that was started is shown.
import type { PostgrestError } from '@supabase/supabase-js';
import { explain } from '../client.ts';

type Answered<T> = PromiseLike<{ data: T | null; error: PostgrestError | null }>;

/** What went wrong, for a person; undefined when something else is tried. */
export type OnProblem = (problem: string | undefined) => void;

export async function settle<T>(call: Answered<T>, onProblem: OnProblem): Promise<T | undefined> {
  onProblem(undefined);
  const { data, error } = await call;
  if (error) onProblem(explain(error));
  return data ?? undefined;
}

/** Goes to the run that the call started. */
export async function follow(
  call: Answered<{ id: string }[] | { id: string }>,
  onProblem: OnProblem,
): Promise<void> {
  const [started] = [await settle(call, onProblem)].flat();
  if (started) location.hash = `#/runs/${started.id}`;
}
