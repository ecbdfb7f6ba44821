// Names of the persons and machines in a run. A viewer who may not read members sees a part of the id.
import { useApp } from '../shared/app.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

const LONG = 600_000;

/** Undefined while it is read, or without an id. */
export function usePerson(id: string | null): string | undefined {
  const { userId } = useApp();
  const { data } = useAppQuery(
    ['person', id],
    async (signal) => {
      const [users, accounts] = await Promise.all([
        ask(
          supabase
            .from('users')
            .select('display_name,email')
            .eq('id', id ?? '')
            .abortSignal(signal),
        ),
        ask(
          supabase
            .from('service_accounts')
            .select('name')
            .eq('id', id ?? '')
            .abortSignal(signal),
        ),
      ]);
      return (
        users[0]?.display_name || users[0]?.email || accounts[0]?.name || `person ${id?.slice(-6)}`
      );
    },
    { enabled: id !== null, staleTime: LONG },
  );
  return data === undefined || id !== userId ? data : `${data} (you)`;
}

/** The name of an API key; undefined while it is read, or if the role may not read keys. */
export function useKeyName(id: string | undefined): string | undefined {
  const { data } = useAppQuery(
    ['api-key', id],
    async (signal) => {
      const keys = await ask(
        supabase
          .from('api_keys')
          .select('name')
          .eq('id', id ?? '')
          .abortSignal(signal),
      );
      return keys[0]?.name ?? '';
    },
    { enabled: id !== undefined, staleTime: LONG, retry: false },
  );
  return data || undefined;
}
