// `stepbase dev`: it pushes what changed, names faults with file and line, prints runs, and stops cleanly.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { asPerson, sql } from '../api/support.ts';
import { atFileEnd } from '../support/file-end.ts';
import { stackInfo, waitFor } from '../support/stack.ts';
import { createFolder, type Folder, type Tenant, tenantWithKey } from './support.ts';

const { api_url: url } = stackInfo();

const workflow = (expression: string) => `import { defineWorkflow } from 'stepbase/workflow';
import { factor } from '../factor.ts';

export const total = defineWorkflow('total', {}, (w) => {
  w.transform('sum', { expression: \`${expression}\` });
});
`;

interface Line {
  type: string;
  text?: string;
  [member: string]: unknown;
}

let tenant: Tenant;
let folder: Folder;
let child: ChildProcess;
const lines: Line[] = [];
let stderr = '';

beforeAll(async () => {
  tenant = await tenantWithKey('dev');
  folder = createFolder();
  folder.env = { STEPBASE_URL: url, STEPBASE_API_KEY: tenant.key };
  folder.write('stepbase/factor.ts', 'export const factor = 2;\n');
  folder.write('stepbase/workflows/total.ts', workflow('3 * $' + '{factor}'));
  child = spawn(
    process.execPath,
    [join(ROOT, 'cli/src/main.ts'), '-C', folder.path, 'dev', '--publish', '--json'],
    { env: { PATH: process.env.PATH, ...folder.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  atFileEnd(() => child.kill('SIGKILL'));
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((text) => JSON.parse(text) as Line));
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
});

/** The next line that fits, after those that were seen. */
let seen = 0;
async function next(type: string, part: Record<string, unknown> = {}): Promise<Line> {
  return await waitFor(`a line ${type} ${JSON.stringify(part)}; stderr: ${stderr}`, () => {
    const at = lines.findIndex(
      (line, index) =>
        index >= seen &&
        line.type === type &&
        Object.entries(part).every(([key, value]) => line[key] === value),
    );
    if (at === -1) return undefined;
    seen = at + 1;
    return lines[at];
  });
}

const published = async () => {
  const [row] = await sql<{ expression: string; version: number }>(
    `select v.version, v.definition #>> '{nodes,0,data,config,expression}' as expression
     from stepbase.workflow_versions v join stepbase.workflows w on w.published_version_id = v.id
     where w.app_code = $1`,
    [tenant.app_code],
  );
  return row;
};

it('pushes the folder at its start', async () => {
  await next('watching');
  expect((await next('pushed')).text).toBe('total  published as version 1');
  expect(await published()).toEqual({ version: 1, expression: '3 * 2' });
});

it('pushes an edited file, also one that a workflow imports', async () => {
  folder.write('stepbase/workflows/total.ts', workflow('4 * $' + '{factor}'));
  expect((await next('pushed')).text).toBe('total  published as version 2');
  folder.write('stepbase/factor.ts', 'export const factor = 7;\n');
  expect((await next('pushed')).text).toBe('total  published as version 3');
  expect(await published()).toEqual({ version: 3, expression: '4 * 7' });
});

it('stores a new component and schedule', async () => {
  folder.write(
    'stepbase/components/mail.json',
    '{"implementation_type": "service_task", "endpoint": "https://mail.example"}',
  );
  expect((await next('pushed')).text).toBe('component mail@1.0.0  created');
  folder.write(
    'stepbase/schedules.json',
    '[{"workflow": "total", "cron_expression": "0 7 * * *"}]',
  );
  expect((await next('pushed')).text).toBe('schedule total  created');
});

it('names the place of a fault, and continues after it', async () => {
  folder.write('stepbase/workflows/total.ts', `${workflow('1')}\nthrow new Error('stop');\n`);
  expect(await next('problem')).toMatchObject({
    file: 'stepbase/workflows/total.ts',
    line: 8,
    code: 'import_failed',
    message: 'stop',
  });
  folder.write('stepbase/workflows/total.ts', workflow('1 +'));
  expect(await next('problem')).toMatchObject({
    file: 'stepbase/workflows/total.ts',
    line: 5,
    workflow: 'total',
    severity: 'error',
  });
  expect(await published()).toMatchObject({ version: 3 });
  folder.write('stepbase/workflows/total.ts', workflow('8'));
  expect((await next('pushed', { text: 'total  published as version 4' })).text).toBeDefined();
});

it('prints the runs of the application', async () => {
  await asPerson(tenant.admin, `select id from stepbase.start_run('total')`);
  expect(await next('run', { status: 'completed' })).toMatchObject({ workflow: 'total' });
});

it('does not overwrite a change of the canvas', async () => {
  await asPerson(
    tenant.admin,
    `select id from stepbase.save_workflow(kebab_name => 'total', definition => '{"nodes": [], "edges": []}')`,
  );
  folder.write('stepbase/workflows/total.ts', workflow('9'));
  expect(await next('problem')).toMatchObject({ code: 'drift' });
});

it('stops cleanly', async () => {
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect([lines.at(-1)?.type, stderr]).toEqual(['stopped', '']);
});
