// The names of persons by their ids.
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export function useNames(ids: readonly (string | null)[]): (id: string | null) => string {
  const wanted = [...new Set(ids.filter((id) => id !== null))].sort().slice(0, 200);
  const { data } = useAppQuery(
    ['users', 'names', wanted],
    async (signal) => {
      const users = await ask(
        supabase.from('users').select('id,display_name,email').in('id', wanted).abortSignal(signal),
      );
      return new Map(users.map(({ id, display_name, email }) => [id, display_name || email]));
    },
    { enabled: wanted.length > 0, staleTime: 300_000 },
  );
  return (id) => (id === null ? '' : (data?.get(id) ?? ''));
}
