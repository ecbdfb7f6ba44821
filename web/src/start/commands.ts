// The actions of the palette on every page of an application: to start a named workflow, to create one, to invite.
import { useQuery } from '@tanstack/react-query';
import type { Command } from '../shared/commands.ts';
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

interface Places {
  go(to: string): void;
  permissions: ReadonlySet<string> | undefined;
}

interface Action {
  id: string;
  label: string;
  keywords: readonly string[];
  to: string;
  permission: string;
}

const ACTIONS: readonly Action[] = [
  {
    id: 'start-any',
    label: 'Start a run',
    keywords: ['run', 'execute'],
    to: '/start',
    permission: 'run:execute',
  },
  {
    id: 'create-workflow',
    label: 'New workflow',
    keywords: ['create', 'template', 'import'],
    to: '/new-workflow',
    permission: 'workflow:write',
  },
  {
    id: 'invite',
    label: 'Invite a member',
    keywords: ['colleague', 'user', 'invitation'],
    to: '/settings/members',
    permission: 'member:manage',
  },
  {
    id: 'create-key',
    label: 'Create an API key',
    keywords: ['token'],
    to: '/settings/keys',
    permission: 'key:manage',
  },
  {
    id: 'failures',
    label: 'Show failures',
    keywords: ['dead letters', 'errors', 'redrive'],
    to: '/insight/failures',
    permission: 'run:read',
  },
];

const FOUND = 5;

/** "Start order-triage" for the first workflows that match the words, "start" itself aside. */
export function useGlobalCommands(
  app: string,
  query: string,
  { go, permissions }: Places,
): Command[] {
  const words = query.trim().replace(/^start\b\s*/i, '');
  const mayStart = permissions?.has('run:execute') ?? false;
  const { data: found = [] } = useQuery({
    queryKey: [app, 'workflows', 'palette-starts', words],
    enabled: mayStart && words.length >= 2,
    queryFn: async ({ signal }) => {
      const answer = await ask(
        supabase
          .rpc('list_workflows', {
            filter: { text: words.slice(0, 200), status: ['published'] },
            page_size: FOUND,
          })
          .abortSignal(signal),
      );
      return (answer as unknown as { items: { kebab_name: string; name: string }[] }).items;
    },
  });
  return [
    ...ACTIONS.filter(({ permission }) => permissions?.has(permission)).map(
      ({ id, label, keywords, to }) => ({ id, label, keywords, run: () => go(to) }),
    ),
    ...found.map(({ kebab_name, name }) => ({
      id: `start:${kebab_name}`,
      label: `Start ${kebab_name}`,
      description: name,
      keywords: [query.trim()],
      run: () => go(`/workflows/${kebab_name}/start`),
    })),
  ];
}
