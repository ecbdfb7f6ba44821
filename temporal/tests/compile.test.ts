// Compiled projects without a server: random graphs and the workflows of the seed compile, their code passes the type
// check, and the command stores it. What Temporal cannot execute is refused.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compileWorkflow,
  NotCompilable,
  typesOf,
  type Version,
} from '../../functions/_shared/compile/index.ts';
import { libraryTypes } from '../../functions/_shared/compile/library-types.ts';
import { DEV_PACKAGES, packagesOf } from '../../functions/_shared/compile/packages.ts';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { buildLibrary } from '../../scripts/compile/library.ts';
import type { Shop } from '../../scripts/fakes/shop.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { draw, graphOf } from '../../tests/engine/random-graphs.ts';
import { node, value } from '../../tests/engine/support.ts';
import { version } from './support.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const NODE = process.execPath;
/** Rejects with the findings. */
async function tsc(folder: string): Promise<void> {
  const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', folder];
  await run(NODE, args, { cwd: ROOT }).catch((error: { stdout: string }) => {
    throw new Error(error.stdout);
  });
}

/** Below temporal/, where the packages of a project are found without an installation. */
let folder = '';
let stack: Stack;
beforeAll(async () => {
  await mkdir(join(ROOT, 'temporal', '.stepbase-test'), { recursive: true });
  folder = await mkdtemp(join(ROOT, 'temporal', '.stepbase-test', 'compile-'));
  stack = await startThrowawayStack({ functions: false, web: false });
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function write(to: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await writeFile(join(to, path), text);
  }
}

test('random graphs compile, and a sample of them passes the type check', async () => {
  const shop = { url: 'http://127.0.0.1:1' } as Shop;
  const sample: Version[] = [];
  fc.assert(
    fc.property(graphOf, (graph) => {
      const { nodes, lines } = draw(graph, shop);
      const of = version(nodes, lines);
      if (sample.length < 40) sample.push(of);
      const { workflow_code, activities_code } = compileWorkflow(of);
      // A function and a step for each node.
      expect(workflow_code.match(/^async function /gm)).toHaveLength(nodes.length);
      expect(activities_code.match(/\bstep\(/g)?.length ?? 0).toBeGreaterThanOrEqual(nodes.length);
      // The same version gives the same code.
      expect(compileWorkflow(of).workflow_code).toBe(workflow_code);
    }),
    { numRuns: 300 },
  );
  const types = [...new Set(sample.flatMap(typesOf))];
  const library = await buildLibrary(types);
  const to = join(folder, 'graphs');
  for (const of of sample) {
    const { files, temporal_workflow_type: type } = compileWorkflow(of, library);
    const {
      'src/workflow.ts': workflow = '',
      'src/activities.ts': activities = '',
      ...rest
    } = files;
    await write(to, {
      ...rest,
      [`src/${type}.ts`]: workflow,
      [`src/${type}_steps.ts`]: activities,
    });
    await rm(join(to, 'src/worker.ts'));
  }
  // The projects share a folder, and each declares only the handlers that it uses.
  await write(to, { 'stepbase/activities.d.ts': libraryTypes(types) });
  await tsc(to);
});

test('npm run compile writes and stores the workflows of the seed', async () => {
  const db = new pg.Client({ connectionString: stack.info.db_url });
  await db.connect();
  const { rows } = await db.query<{ kebab_name: string; app_code: string; version: number }>(
    `select w.kebab_name, w.app_code, max(v.version) as version from stepbase.workflows w
     join stepbase.workflow_versions v on v.workflow_id = w.id and v.published_at is not null
     group by 1, 2 order by 1, 2`,
  );
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const { kebab_name: name, app_code: app, version: number } of rows) {
    const to = join(folder, `${app}-${name}`);
    const args = [name, '--app', app, '--out', to, '--db-url', stack.info.db_url, '--json'];
    const compile = async () => {
      const { stdout } = await run(NODE, ['scripts/compile.ts', ...args], { cwd: ROOT });
      return JSON.parse(stdout) as { id: string; type: string };
    };
    const first = await compile();
    await tsc(to);
    // npm compares the lock file with package.json, and installs nothing.
    await run('npm', ['ci', '--dry-run', '--offline', '--no-audit', '--no-fund'], { cwd: to });
    expect((await readdir(to)).sort()).toEqual(
      ['README.md', 'package-lock.json', 'package.json', 'src', 'stepbase', 'tsconfig.json'].sort(),
    );
    // The same version again is the same compilation.
    expect(await compile()).toEqual(first);
    const stored = await db.query(
      `select c.*, v.version from stepbase.workflow_compilations c
       join stepbase.workflow_versions v on v.id = c.workflow_version_id where c.id = $1`,
      [first.id],
    );
    expect(stored.rows[0]).toMatchObject({
      version: number,
      is_active: true,
      execution_count: '0',
      temporal_workflow_type: `${name.replaceAll('-', '_')}_v${number}`,
      workflow_code: await readFile(join(to, 'src/workflow.ts'), 'utf8'),
      activities_code: await readFile(join(to, 'src/activities.ts'), 'utf8'),
      worker_code: await readFile(join(to, 'src/worker.ts'), 'utf8'),
      package_json: await readFile(join(to, 'package.json'), 'utf8'),
      tsconfig_json: await readFile(join(to, 'tsconfig.json'), 'utf8'),
    });
  }
  await db.end();
});

test.each(stepTypes.map(({ name }) => name))(
  '%s needs the packages that its project names',
  async (type) => {
    const { packages } = await buildLibrary([type]);
    const named = Object.keys(packagesOf([type]));
    expect([...packages, '@temporalio/workflow'].sort()).toEqual(named.sort());
  },
);

test('the packages have the versions of the lock files', async () => {
  const { locks } = await buildLibrary([]);
  const all = { ...packagesOf(stepTypes.map(({ name }) => name)), ...DEV_PACKAGES };
  for (const [name, version] of Object.entries(all)) {
    const found = locks.map(({ packages }) => packages[`node_modules/${name}`]?.version);
    expect(found.find(Boolean), name).toBe(version);
  }
});

test('other texts stay what they are', async () => {
  const texts = [
    "it's",
    `a \`b\` \${c} \\n`,
    `first\n  second \${x}\`\\`,
    '*/ end',
    '\u2028',
    '__proto__',
  ];
  const nodes = texts.map((text, at) => ({
    ...value(`node ${at} ${text}`, JSON.stringify(text)),
    data: { label: text, config: { expression: JSON.stringify(text) } },
  }));
  const of = version(nodes, ["node 0 it's > node 3 */ end : it's"]);
  const library = await buildLibrary(typesOf(of));
  const to = join(folder, 'texts');
  await write(to, compileWorkflow(of, library).files);
  await tsc(to);
  const { steps } = (await import(join(to, 'src/activities.ts'))) as {
    steps: Record<string, { compiled: { resolve(ctx: object): Promise<{ stored: unknown }> } }>;
  };
  for (const { id, data } of nodes) {
    const { stored } = (await steps[id]?.compiled.resolve({})) ?? {};
    expect(stored).toEqual((data as { config: unknown }).config);
  }
});

test.each([
  ['a step type that does not exist', node('a', 'teleport', {}), /a: .*teleport/],
  ['an expression that is none', node('a', 'transform', { expression: '1 +' }), /^a: /],
  [
    'an agent with tools',
    node('a', 'ai_agent_task', { component: 'x', tools: [{ workflow: 'y' }] }),
    /a: .*tools/,
  ],
])('%s is refused with the node and the reason', (_name, one, message) => {
  const refused = () => typesOf(version([one]));
  expect(refused).toThrow(NotCompilable);
  expect(refused).toThrow(message);
});
