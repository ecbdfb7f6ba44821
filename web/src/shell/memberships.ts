// The applications of the signed-in user, and switching between them. The active application belongs to the Auth session
// of the browser: all its windows share the token, so the last switch decides for whom requests are made.
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export interface Membership {
  app_code: string;
  name: string;
  organization_id: string;
  organization_name: string;
  role: string;
  /** Null: another member added the user, who has not accepted yet. */
  accepted_at: string | null;
}

const KEY = ['', 'memberships'] as const;

export function useMemberships() {
  return useQuery({
    queryKey: KEY,
    // Also while the window shows another application than the token is for.
    networkMode: 'always',
    staleTime: 60_000,
    queryFn: async (): Promise<Membership[]> => {
      const found = await ask(supabase.rpc('my_applications'));
      return found.filter(({ deactivated_at }) => deactivated_at === null);
    },
  });
}

export function useMembershipsChanged(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: KEY });
}

/** Makes the application the active one; accepts a pending membership. */
export async function switchApp(appCode: string): Promise<void> {
  await ask(supabase.rpc('switch_app', { app_code: appCode }));
  const { error } = await supabase.auth.refreshSession();
  if (error) throw error;
}

export async function declineMembership(appCode: string, userId: string): Promise<void> {
  const { error } = await supabase
    .from('app_members')
    .delete()
    .eq('app_code', appCode)
    .eq('user_id', userId);
  if (error) throw error;
}

/** The permissions of a role. They are read again now and then: an admin can change them. */
export const permissionsQuery = (appCode: string, role: string) =>
  queryOptions({
    queryKey: [appCode, 'permissions', role],
    staleTime: 60_000,
    refetchInterval: 300_000,
    queryFn: async (): Promise<ReadonlySet<string>> => {
      const { permissions } = await ask(
        supabase
          .from('app_roles')
          .select('permissions')
          .eq('app_code', appCode)
          .eq('name', role)
          .single(),
      );
      return new Set(permissions);
    },
  });
