// The addresses of all pages of the route map, with rows of the seed for their parameters. A page that is added to the
// route map is in every test that walks it.

import { readFileSync } from 'node:fs';
import { signedIn, stackInfo } from '../support/stack.ts';

/** The route map imports components, which only the build of the client can read. */
const ROUTES = [
  ...readFileSync(new URL('../../web/src/shell/pages.ts', import.meta.url), 'utf8').matchAll(
    /\bpath: '([^']+)'/g,
  ),
].map(([, path = '']) => path);

/** Pages outside of an application. */
const OUTSIDE = ['/-/new-application', '/-/profile'];

/** The values of each parameter of the route map. Sections of the settings are read from the page itself. */
async function parameters(): Promise<Readonly<Record<string, readonly string[]>>> {
  const admin = await signedIn('admin@acme', stackInfo());
  const { data: runs } = await admin.from('runs').select('id').order('id').limit(2).throwOnError();
  const { data: tasks } = await admin
    .from('step_runs')
    .select('id')
    .eq('status', 'waiting')
    .eq('wait_kind', 'task')
    .order('id')
    .limit(1)
    .throwOnError();
  const { data: workflows } = await admin
    .from('workflows')
    .select('kebab_name')
    .eq('kebab_name', 'order-triage')
    .throwOnError();
  const [first, second] = (runs ?? []).map(({ id }) => id as string);
  return {
    workflow: (workflows ?? []).map(({ kebab_name }) => kebab_name as string),
    tab: ['versions', 'settings'],
    runId: [first ?? ''],
    otherId: [second ?? ''],
    taskId: (tasks ?? []).map(({ id }) => id as string),
    section: [],
  };
}

/** Every address, without the code of the application: `/runs/<id>`. */
export async function allPaths(): Promise<string[]> {
  const values = await parameters();
  const inside = ROUTES.flatMap((path) => {
    let paths = [path];
    for (const [, name = ''] of path.matchAll(/\$(\w+)/g)) {
      const known = values[name];
      if (known === undefined) throw new Error(`pages.ts has no value for $${name} of ${path}`);
      paths = paths.flatMap((each) => known.map((value) => each.replace(`$${name}`, value)));
    }
    return paths;
  });
  return [...inside, ...OUTSIDE];
}
