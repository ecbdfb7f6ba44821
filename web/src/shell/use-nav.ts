// What the navigation needs before a page is shown: the permissions of the role and the number of open tasks, live.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { supabase } from '../shared/supabase.ts';
import { useLive } from '../shared/use-live.ts';
import { permissionsQuery, useMemberships } from './memberships.ts';

/** From the cache that AppBoundary fills; undefined until then. */
export function useNavPermissions(app: string): ReadonlySet<string> | undefined {
  const { data } = useMemberships();
  const role = data?.find(({ app_code }) => app_code === app)?.role ?? '';
  return useQuery({ ...permissionsQuery(app, role), enabled: false }).data;
}

/** The key under which the count is cached; pages that complete tasks read it again. */
export const OPEN_TASKS = 'open-tasks';

/** Busy applications have many messages; the count is read once for those of this time. */
const GATHER_MS = 2_000;

/** Reads the count again after messages about runs and their tasks. */
function useLiveCount(app: string, mayRead: boolean): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const readSoon = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: [app, OPEN_TASKS] });
    }, GATHER_MS);
  };
  useLive(mayRead ? `stepbase:app:${app}:runs` : undefined, { onMessage: readSoon });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}

export function useOpenTasks(app: string): number {
  const permissions = useNavPermissions(app);
  const mayRead = permissions?.has('run:read') ?? false;
  useLiveCount(app, mayRead);
  const { data = 0 } = useQuery({
    queryKey: [app, OPEN_TASKS],
    enabled: mayRead,
    refetchInterval: 30_000,
    queryFn: async () => {
      const { count, error } = await supabase
        .from('step_runs')
        .select('id', { count: 'exact', head: true })
        .eq('app_code', app)
        .eq('status', 'waiting')
        .eq('wait_kind', 'task');
      if (error) throw error;
      return count ?? 0;
    },
  });
  return data;
}
