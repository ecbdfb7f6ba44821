// What the navigation needs before a page is shown: the permissions of the role and the number of open tasks.
import { useQuery } from '@tanstack/react-query';
import { supabase } from '../shared/supabase.ts';
import { permissionsQuery, useMemberships } from './memberships.ts';

/** From the cache that AppBoundary fills; undefined until then. */
export function useNavPermissions(app: string): ReadonlySet<string> | undefined {
  const { data } = useMemberships();
  const role = data?.find(({ app_code }) => app_code === app)?.role ?? '';
  return useQuery({ ...permissionsQuery(app, role), enabled: false }).data;
}

/** The key under which the count is cached; pages that complete tasks read it again. */
export const OPEN_TASKS = 'open-tasks';

export function useOpenTasks(app: string): number {
  const permissions = useNavPermissions(app);
  const { data = 0 } = useQuery({
    queryKey: [app, OPEN_TASKS],
    enabled: permissions?.has('run:read') ?? false,
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
