// The addresses of all pages of the web client's route map, with rows of the seed for their parameters. A page that is
// added to the route map is in every test and picture that walks it.

import { readFileSync } from 'node:fs';
import { createStackClient, type StackAddress, type StackClient } from '../stack/client.ts';
import { SEED_USERS } from '../stack/seed-users.ts';

/** The route map imports components, which only the build of the client can read. */
const ROUTES = [
  ...readFileSync(new URL('../../web/src/shell/pages.ts', import.meta.url), 'utf8').matchAll(
    /\bpath: '([^']+)'/g,
  ),
].map(([, path = '']) => path);

/** Whether the route map has a page for an address of an application, `/runs/<id>?step=a`. */
export const isRoute = (address: string): boolean => {
  const [path = ''] = address.split('?');
  return ROUTES.some((route) =>
    new RegExp(`^${route.replaceAll(/\$\w+/g, '[^/]+')}/?$`).test(path),
  );
};

/** Pages outside of an application. */
const OUTSIDE = ['/-/new-application', '/-/profile'];

type Values = Readonly<Record<string, readonly string[]>>;

async function ids(
  client: StackClient,
  table: string,
  limit: number,
  filter: Record<string, string> = {},
  column = 'id',
): Promise<string[]> {
  const { data, error } = await client
    .from(table)
    .select(column)
    .match({ app_code: 'acme', ...filter })
    .order(column)
    .limit(limit)
    .returns<Record<string, string>[]>();
  if (error) throw error;
  return data.flatMap((row) => row[column] ?? []);
}

/** A run of each status: each has another page. */
async function runsByStatus(client: StackClient): Promise<string[]> {
  const { data, error } = await client
    .from('runs')
    .select('id, status')
    .eq('app_code', 'acme')
    .order('id')
    .limit(100)
    .overrideTypes<{ id: string; status: string }[], { merge: false }>();
  if (error) throw error;
  const firsts = new Map<string, string>();
  for (const { id, status } of data) if (!firsts.has(status)) firsts.set(status, id);
  return [...firsts.values()];
}

/** The values of each parameter of the route map. The sections of the settings are read from the page itself. */
async function parameters(client: StackClient): Promise<Values> {
  const [, second = ''] = await ids(client, 'runs', 2);
  return {
    workflow: await ids(client, 'workflows', 1, { kebab_name: 'order-triage' }, 'kebab_name'),
    tab: ['versions', 'settings'],
    runId: await runsByStatus(client),
    otherId: [second],
    taskId: await ids(client, 'step_runs', 1, { status: 'waiting', wait_kind: 'task' }),
    section: [],
  };
}

/** Views that the query of an address opens. */
async function views(client: StackClient): Promise<string[]> {
  const open = async (section: string, name: string, table: string) =>
    (await ids(client, table, 1)).map((id) => `/settings/${section}?${name}=${id}`);
  return [
    ...(await open('components', 'component', 'components')),
    ...(await open('prompts', 'prompt', 'agent_prompts')),
  ];
}

/** Every address, without the code of the application: `/runs/<id>`. Throws if a parameter has no values. */
export async function allPaths(stack: StackAddress): Promise<string[]> {
  const client = createStackClient(stack, { auth: { persistSession: false } });
  const admin = SEED_USERS.find(({ app_code, role }) => app_code === 'acme' && role === 'admin');
  const { error } = await client.auth.signInWithPassword({
    email: admin?.email ?? '',
    password: admin?.password ?? '',
  });
  if (error) throw error;
  const values = await parameters(client);
  const opened = await views(client);
  // Not the sessions of the same person elsewhere.
  await client.auth.signOut({ scope: 'local' });
  const inside = ROUTES.flatMap((path) => {
    let paths = [path];
    for (const [, name = ''] of path.matchAll(/\$(\w+)/g)) {
      // Two runs are compared once.
      const known = path.includes('$otherId') ? values[name]?.slice(0, 1) : values[name];
      if (known === undefined) throw new Error(`there is no value for $${name} of ${path}`);
      paths = paths.flatMap((each) => known.map((value) => each.replace(`$${name}`, value)));
    }
    return paths;
  });
  return [...inside, ...opened, ...OUTSIDE];
}
