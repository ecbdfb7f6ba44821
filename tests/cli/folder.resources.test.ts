// A folder is an application: its components and schedules are compared, pushed, pulled and promoted with its workflows.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { withoutPending } from '../../cli/src/workflows/faults.ts';
import { asPerson, sql } from '../api/support.ts';
import { stackInfo } from '../support/stack.ts';
import { createFolder, type Folder, type Tenant, tenantWithKey } from './support.ts';

const { api_url: url } = stackInfo();

const WORKFLOW = `import { defineWorkflow } from 'stepbase/workflow';
import { z } from 'zod';

export const report = defineWorkflow('report', { input: z.object({ kind: z.string() }) }, (w) => {
  w.serviceTask('fetch', { component: 'crm-lookup', input: { email: 'a@b.example' } });
});
`;
const COMPONENTS = `import { defineComponent } from 'stepbase/workflow';
import { z } from 'zod';

export const crmLookup = defineComponent('crm-lookup', {
  implementation_type: 'service_task',
  endpoint: 'https://crm.example/lookup',
  input: z.object({ email: z.string() }),
  timeout_ms: 5_000,
});
export const triage = defineComponent('triage', {
  implementation_type: 'ai_agent_task',
  prompt: 'triage-prompt',
  model_name: 'small',
});
`;
const SCHEDULES = `import { defineSchedule } from 'stepbase/workflow';
import { report } from './workflows/report.ts';

export const schedules = [
  defineSchedule(report, { cron_expression: '0 7 * * mon-fri', timezone: 'Europe/Berlin', input: { kind: 'sales' } }),
  defineSchedule('report', { name: 'weekly', cron_expression: '0 8 * * mon', input: { kind: 'all' }, overlap_policy: 'skip' }),
];
`;

let staging: Tenant;
let production: Tenant;
let folder: Folder;
beforeAll(async () => {
  [staging, production] = await Promise.all([
    tenantWithKey('resources'),
    tenantWithKey('promoted'),
  ]);
  folder = createFolder();
  folder.write('stepbase/workflows/report.ts', WORKFLOW);
  folder.write('stepbase/components/crm.ts', COMPONENTS);
  folder.write('stepbase/schedules.ts', SCHEDULES);
  for (const tenant of [staging, production]) {
    await asPerson(
      tenant.admin,
      `insert into stepbase.agent_prompts (name, prompt_content) values ('triage-prompt', 'Triage it') returning id`,
    );
  }
  at(staging);
});

const at = (tenant: Tenant) => {
  folder.env = {
    STEPBASE_URL: url,
    STEPBASE_API_KEY: tenant.key,
    STEPBASE_APP: tenant.app_code,
  };
};

const rows = (tenant: Tenant, table: string, columns: string) =>
  sql(`select ${columns} from stepbase.${table} where app_code = $1 order by 1`, [tenant.app_code]);

interface Row {
  component?: string;
  schedule?: string;
  status?: string;
  action?: string;
  drift?: boolean;
}

/** `crm-lookup@1.0.0 created` of a command with --json. */
function printed({ json }: { json: Record<string, unknown> }): string[] {
  const list = [...(json.components as Row[]), ...(json.schedules as Row[])];
  return list.map((one) => `${one.component ?? one.schedule} ${one.action ?? one.status}`);
}

const KEYS = ['crm-lookup@1.0.0', 'triage@1.0.0', 'report', 'report/weekly'];
const each = (what: string) => KEYS.map((key) => `${key} ${what}`);

it('is pushed as a whole: components before workflows, schedules after them', async () => {
  expect((await folder.stepbase('validate')).stdout).toBe(
    '1 workflow, 2 components, and 2 schedules are valid.\n',
  );
  expect(printed(await folder.stepbase('diff --json'))).toEqual(each('only_in_git'));
  const plan = await folder.stepbase('push --dry-run --publish');
  expect(plan.stdout).toContain('would save 1 draft and change 4 of the components and schedules.');
  expect(await rows(staging, 'components', 'name')).toEqual([]);
  const pushed = await folder.stepbase('push --publish --json');
  expect([pushed.exit, pushed.stderr]).toEqual([0, '']);
  expect(printed(pushed)).toEqual(each('created'));
  expect(pushed.json.workflows).toMatchObject([{ workflow: 'report', action: 'published' }]);
  expect(
    await rows(
      staging,
      'components',
      'name, endpoint, timeout_ms, agent_prompt_id is not null as has_prompt',
    ),
  ).toEqual([
    {
      name: 'crm-lookup',
      endpoint: 'https://crm.example/lookup',
      timeout_ms: 5_000,
      has_prompt: false,
    },
    { name: 'triage', endpoint: null, timeout_ms: 30_000, has_prompt: true },
  ]);
  expect(
    await rows(staging, 'workflow_schedules', 'name, cron_expression, timezone, input'),
  ).toEqual([
    {
      name: '',
      cron_expression: '0 7 * * mon-fri',
      timezone: 'Europe/Berlin',
      input: { kind: 'sales' },
    },
    { name: 'weekly', cron_expression: '0 8 * * mon', timezone: 'UTC', input: { kind: 'all' } },
  ]);
  const equal = await folder.stepbase('diff --json');
  expect([equal.exit, printed(equal)]).toEqual([0, each('equal')]);
  expect(printed(await folder.stepbase('push --json'))).toEqual(each('unchanged'));
});

it('has no fault for what the rest of the folder creates', () => {
  const tools = [{ workflow: 'report' }, { component: 'crm' }, { workflow: 'none' }];
  const definition = { nodes: [{ id: 'a', type: 'ai_agent_task', tools }], edges: [] };
  const faults = tools.map((tool, index) => ({
    node: 'a',
    pointer: `/nodes/0/tools/${index}/${Object.keys(tool)[0]}`,
    code: 'unknown_tool',
    message: '',
    severity: 'error' as const,
  }));
  const names = { workflows: new Set(['report']), components: new Set(['crm']) };
  const described = { kebab_name: 'a', definition, input_schema: null, output_schema: null };
  expect(withoutPending(faults, described, names)).toEqual(faults.slice(2));
});

it('is changed from git, and does not overwrite a change of the database', async () => {
  // Operators pause schedules; git does not state that.
  await asPerson(
    staging.admin,
    `update stepbase.workflow_schedules set is_enabled = false where name = 'weekly' returning id`,
  );
  expect((await folder.stepbase('diff')).exit).toBe(0);
  folder.write(
    'stepbase/components/crm.ts',
    COMPONENTS.replace('5_000', '6_000').replace("'small'", "'large'"),
  );
  expect(
    printed(
      await folder
        .stepbase('push --only components --json')
        .then((one) => ({ json: { schedules: [], ...one.json } })),
    ),
  ).toEqual(['crm-lookup@1.0.0 changed', 'triage@1.0.0 changed']);
  await asPerson(
    staging.admin,
    `update stepbase.components set endpoint = 'https://other.example/' where name = 'crm-lookup' returning id`,
  );
  const diff = await folder.stepbase('diff');
  expect(diff.exit).toBe(1);
  expect(diff.stdout).toContain(
    'component crm-lookup@1.0.0  stepbase/components/crm.ts differs  changed in the database, too\n' +
      '  ~ endpoint: "https://other.example/" → "https://crm.example/lookup"\n',
  );
  const refused = await folder.stepbase('push --json');
  expect([refused.exit, refused.error.code, refused.error.components]).toEqual([
    3,
    'drift',
    ['crm-lookup@1.0.0'],
  ]);
  const pulled = await folder.stepbase('pull --json');
  expect(printed(pulled)).toEqual([
    'crm-lookup@1.0.0 written',
    'triage@1.0.0 unchanged',
    'report unchanged',
    'report/weekly unchanged',
  ]);
  const text = folder.read('stepbase/components/crm.ts');
  expect(text).toContain("import { defineComponent, jsonSchema } from 'stepbase/workflow';");
  expect(text).toContain("endpoint: 'https://other.example/'");
  expect(text).toContain("prompt: 'triage-prompt'");
  expect((await folder.stepbase('diff')).exit).toBe(0);
  // A change of the file that was not pushed stays.
  folder.write('stepbase/schedules.ts', SCHEDULES.replace('0 8', '0 9'));
  const lost = await folder.stepbase('pull --json');
  expect([lost.exit, lost.error.code]).toEqual([3, 'drift']);
  expect((await folder.stepbase('push')).stdout).toContain('schedule report/weekly  changed');
  expect(await rows(staging, 'workflow_schedules', 'cron_expression, is_enabled')).toEqual([
    { cron_expression: '0 7 * * mon-fri', is_enabled: true },
    { cron_expression: '0 9 * * mon', is_enabled: false },
  ]);
});

it('is promoted by the same command with another key', async () => {
  at(production);
  expect((await folder.stepbase('push --publish --json')).exit).toBe(0);
  expect((await folder.stepbase('diff')).exit).toBe(0);
  const ids = await Promise.all(
    [staging, production].map((tenant) => rows(tenant, 'components', 'name, agent_prompt_id')),
  );
  expect(ids[0]?.[1]?.agent_prompt_id).not.toEqual(ids[1]?.[1]?.agent_prompt_id);
  at(staging);
});

it.each(['ts', 'json'])('is written from the database as %s, and back', async (format) => {
  const fresh = createFolder();
  fresh.env = folder.env;
  const pulled = await fresh.stepbase(`pull --format ${format} --json`);
  expect([pulled.exit, printed(pulled)]).toEqual([0, each('written')]);
  for (const file of [
    `components/crm-lookup.${format}`,
    `components/triage.${format}`,
    `schedules.${format}`,
  ]) {
    expect(existsSync(join(fresh.path, 'stepbase', file)), file).toBe(true);
  }
  const equal = await fresh.stepbase('diff --json');
  expect([equal.exit, printed(equal)]).toEqual([0, each('equal')]);
  expect(printed(await fresh.stepbase('push --json'))).toEqual(each('unchanged'));
});

it('takes out of use what git no longer has, only if asked', async () => {
  folder.write(
    'stepbase/components/crm.ts',
    COMPONENTS.slice(0, COMPONENTS.indexOf('export const triage')),
  );
  folder.write('stepbase/schedules.ts', SCHEDULES.replace(/.*weekly.*\n/, ''));
  folder.write('stepbase/workflows/old.json', '{"nodes": [], "edges": []}');
  expect((await folder.stepbase('push --only workflows')).exit).toBe(0);
  rmSync(join(folder.path, 'stepbase/workflows/old.json'));
  const diff = await folder.stepbase('diff --json');
  expect(printed(diff)).toEqual([
    'crm-lookup@1.0.0 changed',
    'triage@1.0.0 only_in_database',
    'report equal',
    'report/weekly only_in_database',
  ]);
  expect((await folder.stepbase('push report --prune --json')).error.code).toBe('prune_with_names');
  const plain = await folder.stepbase('push --json');
  expect(printed(plain)).toEqual(['crm-lookup@1.0.0 changed', 'report unchanged']);
  const plan = await folder.stepbase('push --prune --dry-run --json');
  expect(printed(plan)).toContain('triage@1.0.0 only_in_database');
  const pruned = await folder.stepbase('push --prune --json');
  expect([pruned.exit, printed(pruned)]).toEqual([
    0,
    [
      'crm-lookup@1.0.0 unchanged',
      'triage@1.0.0 deactivated',
      'report unchanged',
      'report/weekly deleted',
    ],
  ]);
  expect(pruned.json.workflows).toMatchObject([
    { workflow: 'report', action: 'unchanged' },
    { workflow: 'old', action: 'archived' },
  ]);
  expect(await rows(staging, 'components', 'name, is_active')).toEqual([
    { name: 'crm-lookup', is_active: true },
    { name: 'triage', is_active: false },
  ]);
  expect(await rows(staging, 'workflow_schedules', 'name')).toEqual([{ name: '' }]);
  expect((await folder.stepbase('diff')).exit).toBe(0);
  // Git has it again.
  folder.write('stepbase/components/crm.ts', COMPONENTS);
  expect(printed(await folder.stepbase('push --json'))).toContain('triage@1.0.0 changed');
  expect((await folder.stepbase('diff')).exit).toBe(0);
});

it('names the faults of its files', async () => {
  const faulty = createFolder();
  faulty.env = { STEPBASE_URL: url, STEPBASE_API_KEY: staging.key };
  faulty.write('stepbase/components/none.ts', 'export const nothing = 1;');
  faulty.write('stepbase/components/key.json', '{"implementation_type": "user_task", "speed": 1}');
  faulty.write('stepbase/components/thrown.ts', `\n\nthrow new Error('no');\n`);
  faulty.write(
    'stepbase/schedules.json',
    '[{"workflow": "a", "cron_expression": "* * * * *"}, {"workflow": "a", "cron_expression": "* * * * *"}]',
  );
  const { exit, json } = await faulty.stepbase('validate --local --json');
  expect([exit, json.files.map(({ code }) => code)]).toEqual([
    1,
    ['unknown_key', 'no_component', 'import_failed', 'duplicate_schedule'],
  ]);
  expect((await faulty.stepbase('validate --local')).stdout).toContain(
    'stepbase/components/thrown.ts:3\n',
  );
  rmSync(join(faulty.path, 'stepbase/components'), { recursive: true });
  faulty.write(
    'stepbase/schedules.json',
    '[{"workflow": "nowhere", "cron_expression": "0 0 30 2 *"}]',
  );
  expect((await faulty.stepbase('push --json')).error.code).toBe('unknown_workflow');
  faulty.write(
    'stepbase/schedules.json',
    '[{"workflow": "report", "name": "never", "cron_expression": "0 0 30 2 *"}]',
  );
  const never = await faulty.stepbase('push --json');
  expect([never.exit, never.error.code]).toEqual([4, 'invalid_request']);
  faulty.write('stepbase/schedules.json', '[]');
  faulty.write(
    'stepbase/components/agent.json',
    '{"implementation_type": "ai_agent_task", "prompt": "no-such"}',
  );
  rmSync(join(faulty.path, 'stepbase/schedules.json'));
  expect((await faulty.stepbase('push --json')).error.code).toBe('unknown_prompt');
});
