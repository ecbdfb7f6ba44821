// Every call of supabase-js and curl in the guides and concepts works as it is written: a new user with an application of
// their own sends it, and the API refuses none. Placeholders and ids that a page leaves to the reader are filled in here.

import { randomUUID } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';
import { createClient, type SupabaseClientOptions } from '@supabase/supabase-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStepbase, InvalidInputError } from '../../sdk/src/index.ts';
import { followRun } from '../../sdk/src/live/index.ts';
import { decompile } from '../../sdk/src/workflow/index.ts';
import { linkIn, mailTo } from '../support/mail.ts';
import { type StackClient, stackInfo, waitFor } from '../support/stack.ts';
import { blocks, pages, read } from './docs-pages.ts';

const mark = randomUUID().slice(0, 8);
const app = `docs-${mark}`;
const password = randomUUID();
const { api_url: url, publishable_key: publishableKey, secret_key: secretKey } = stackInfo();

const EXAMPLES = pages
  .filter((page) => /^docs\/(guides|concepts)\//.test(page))
  .flatMap((page) =>
    [...blocks(read(page), 'ts'), ...blocks(read(page), 'js')].map((code) => ({ page, code })),
  )
  .filter(({ code }) => /\b(supabase|server|channel|createStepbase)\b|\bstepbase\./.test(code));

/** Answers that are refusals. */
const refused: string[] = [];
const clients: StackClient[] = [];
const recorded: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (!response.ok) refused.push(`${response.url} ${await response.clone().text()}`);
  return response;
};
interface Options {
  db?: { schema: string };
  global?: { headers?: Record<string, string> };
}
function create(address: string, key: string, options: Options = {}): StackClient {
  const settings = {
    ...options,
    auth: { persistSession: false, autoRefreshToken: false },
    global: { ...options.global, fetch: recorded },
  } as SupabaseClientOptions<'stepbase'>;
  const made = createClient(address, key, settings) as unknown as StackClient;
  clients.push(made);
  return made;
}

async function signUp(name: string): Promise<{ as: StackClient; id: string; email: string }> {
  const as = create(url, publishableKey, { db: { schema: 'stepbase' } });
  const email = `${name}-${mark}@docs.example`;
  const { data } = await as.auth.signUp({ email, password });
  return { as, id: data.user?.id ?? '', email };
}

let founder: StackClient;
async function call<T = { id: string }>(name: string, args: Record<string, unknown> = {}) {
  const { data, error } = await founder.rpc(name, args);
  if (error) throw new Error(`${name}: ${error.message}`);
  return data as T;
}

const save = (kebab_name: string, nodes: unknown[], edges: unknown[] = []) =>
  call<{ id: string; workflow_id: string }>('save_workflow', {
    kebab_name,
    definition: { nodes, edges },
  });
async function publish(kebab_name: string, nodes: unknown[], edges: unknown[] = []) {
  const saved = await save(kebab_name, nodes, edges);
  await call('publish_workflow', { workflow_version_id: saved.id });
  return saved;
}
const node = (id: string, type: string, config: unknown) => ({ id, type, data: { config } });

async function waiting(workflow: string, status: string): Promise<{ run: string; step: string }> {
  const { id: run } = await call('start_run', { workflow });
  const step = await waitFor(`a step of ${workflow} is ${status}`, async () => {
    const { data } = await founder.from('step_runs').select('id').eq('run_id', run);
    const { data: runs } = await founder.from('runs').select('status').eq('id', run);
    const [found] = data ?? [];
    return runs?.[0]?.status === status && found ? String(found.id) : undefined;
  });
  return { run, step };
}

/** A workflow with a published version and a draft that differs, or does not. */
async function versions(expression: string) {
  const name = `versions-${randomUUID().slice(0, 8)}`;
  const ask = node('ask', 'wait_for_approval', { title: 'Go?' });
  const one = (value: string) => [node('one', 'transform', { expression: value }), ask];
  const published = await publish(name, one('1'));
  return { name, published, draft: await save(name, one(expression)) };
}

async function scheduled() {
  // Other pages give order-shipping an input schema.
  const steps = [node('one', 'transform', { expression: '1' })];
  const { workflow_id } = await publish(`scheduled-${randomUUID().slice(0, 8)}`, steps);
  const { data } = await founder
    .from('workflow_schedules')
    .insert({ workflow_id, cron_expression: '0 5 * * *' })
    .select('id')
    .single();
  return { schedule_id: data?.id, scheduleId: data?.id };
}

/** A member who stays one: other pages remove members. */
let colleague: Promise<string> | undefined;
async function joined(): Promise<string> {
  const { as, id, token } = await invite('dora');
  expect((await as.rpc('accept_invitation', { token })).error).toBeNull();
  return id;
}

const openTasks = async () => ({
  taskId: (await waiting('form', 'running')).step,
  approvalId: (await waiting('refund-approval', 'running')).step,
});

async function invite(name: string) {
  const person = await signUp(name);
  await call('invite_member', { email: person.email, role: 'viewer' });
  const link = linkIn(await mailTo(person.email, /^Invitation/), /\/invitation\?/);
  return { ...person, token: link.searchParams.get('token') };
}

const server = () =>
  create(url, secretKey, {
    db: { schema: 'stepbase' },
    global: { headers: { 'x-stepbase-app': app } },
  });

let given: Record<string, unknown>;
beforeAll(async () => {
  const person = await signUp('founder');
  founder = person.as;
  const company = await call('create_organization', { slug: app, name: 'Docs' });
  await call('create_application', { app_code: app, name: 'Docs', organization_id: company.id });
  await founder.auth.refreshSession();
  const approval = [node('ask', 'wait_for_approval', { title: 'Go?' })];
  const { workflow_id, id: versionId } = await publish('order-shipping', approval);
  const { workflow_id: child_workflow_id } = await publish('refund-order', approval);
  for (const name of ['refund-approval', 'order-confirmation']) await publish(name, approval);
  await publish('form', [node('fill', 'user_task', { title: 'Fill' })]);
  await publish('signal', [node('paid', 'wait_for_signal', { signal_name: 'payment-received' })]);
  await publish('broken', [node('one', 'transform', { expression: '$error("no")' })]);
  const steps = ['one', 'two', 'three'].map((id) => node(id, 'transform', { expression: '1' }));
  await publish('three', steps);
  const [ask, fill, signal, , three] = await Promise.all([
    waiting('order-shipping', 'running'),
    waiting('form', 'running'),
    waiting('signal', 'running'),
    waiting('broken', 'failed'),
    waiting('three', 'completed'),
  ]);
  const member = await invite('ada');
  expect((await member.as.rpc('accept_invitation', { token: member.token })).error).toBeNull();
  const key = await call('create_api_key', { name: 'first' });
  const machine = await call('create_service_account', { name: 'machine', role: 'viewer' });
  given = {
    ...{ url, publishableKey, secretKey, createClient: create, supabase: founder },
    ...{ workflow_id, parent_workflow_id: workflow_id, child_workflow_id },
    ...{ step_run_id: ask.step, task_id: fill.step, run_id: signal.run },
    ...{ run: { id: ask.run }, runId: three.run, lastSeq: 0, versionId },
    ...{
      key_id: key.id,

      account: machine,
      organization_id: company.id,
      id: randomUUID(),
    },
    definition: { nodes: approval, edges: [] },
    user_id: member.id,
    ...{ email: person.email, password },
    ...{ createStepbase, followRun, InvalidInputError, stepbase: createStepbase(founder) },
    show: () => undefined,
    showRun: () => undefined,
    showStep: () => undefined,
    readAgain: () => undefined,
    readAgainSoon: () => undefined,
    file: { write: () => undefined },
    invitation: { app_code: app },
    channel: founder.channel('docs'),
  };
});
afterAll(() => Promise.all(clients.map((made) => made.removeAllChannels())));

/** What a reader puts in, by page: text of the example, and what stands for it. */
const FILLED: Readonly<Record<string, readonly (readonly [string | RegExp, string])[]>> = {
  'approvals-and-tasks': [
    [/complete_task', \{ step_run_id/, "complete_task', { step_run_id: task_id"],
  ],
  'call-from-a-machine': [
    [/'…'/g, 'key_id'],
    ["apiKey: 'sbk_…'", 'apiKey'],
    ["'my-shop'", `'${app}'`],
  ],
  'events-and-webhooks': [['whsec_… of the endpoint in Stripe', `whsec_${'a1'.repeat(16)}`]],
  'existing-project': [["app_code: 'acme'", `app_code: '${app}'`]],
  'organizations-and-members': [
    [/bakery/g, `bakery-${mark}`],
    ['apps[1]', `apps.find(({ app_code }) => app_code === '${app}')`],
  ],
  'rerun-and-redrive': [["'order-shipping'", "'broken'"]],
  // A workflow that ends at once.
  sdk: [[/'order-shipping'(?=[,)])/g, "'three'"]],
  'test-a-workflow': [
    ['developer@acme.example', `founder-${mark}@docs.example`],
    ['stepbase-demo', password],
  ],
};
/** Examples that another caller sends, or that need a row of their own. */
const CALLERS: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  'approvals-and-tasks 1': openTasks,
  'approvals-and-tasks 3': async () => ({ ...(await openTasks()), userId: given.user_id }),
  'approvals-and-tasks 4': async () => ({ step_run_id: (await waiting('form', 'running')).step }),
  'call-from-a-machine 6': async () => ({
    apiKey: (await call<{ key: string }>('create_api_key', { name: 'sdk' })).key,
  }),
  'find-runs 1': async () => {
    const declared = { searchable_inputs: ['order_id'] };
    await founder.from('workflows').update(declared).eq('kebab_name', 'order-shipping');
    return {};
  },
  'find-runs 4': async () => ({ filter: { workflow: 'order-shipping' }, show: () => undefined }),
  'flow-control 1': async () => ({
    workflow: {
      id: (await publish('per-customer', [node('one', 'transform', { expression: '1' })]))
        .workflow_id,
    },
  }),
  'rerun-and-redrive 1': async () => {
    const nodes = [
      node('pay', 'transform', { expression: '$error("no")' }),
      node('ship', 'transform', { expression: '1' }),
    ];
    await publish('paid-order', nodes, [{ id: 'e', source: 'pay', target: 'ship' }]);
    return { run_id: (await waiting('paid-order', 'failed')).run };
  },
  'schedules 3': scheduled,
  'schedules 4': scheduled,
  'schedules 5': scheduled,
  'schedules 6': scheduled,
  'sdk 4': async () => ({ run_id: (await waiting('signal', 'running')).run }),
  'sdk 5': openTasks,
  'signals-and-queries 1': async () => ({ runId: (await waiting('signal', 'running')).run }),
  'start-runs 3': async () => ({ orders: [{ id: 778 }] }),
  'start-runs 4': async () => ({ orders: [{ id: 778 }] }),
  'versions 1': () => versions('1'),
  'versions 2': () => versions('2'),
  'canaries 1': () => versions('2'),
  'continue-on-version 1': async () => {
    const { name, draft } = await versions('2');
    const { run } = await waiting(name, 'running');
    await call('publish_workflow', { workflow_version_id: draft.id });
    return { run_id: run };
  },
  'bulk-operations 2': async () => ({ appCode: app, show: () => undefined }),
  'existing-project 2': async () => ({
    supabase: server(),
    user_id: (await signUp('operator')).id,
  }),
  'invite-members 2': async () => {
    const { as, token } = await invite('eve');
    return { supabase: as, token };
  },
  'outgoing-webhooks 2': async () => {
    const { id } = await call('create_webhook_subscription', {
      url: 'https://crm.example/hooks',
      event_types: ['run.failed'],
    });
    await call('send_test_event', { subscription_id: id });
    await waitFor('the delivery has failed', async () => {
      const rows = await founder.from('webhook_deliveries').select('status');
      return rows.data?.every(({ status }) => status !== 'pending');
    });
    return { id };
  },
  'storage-files 1': async () => ({ supabase: server() }),
  'workflows-in-code 1': async () => ({
    orderShipping: { kebab_name: 'order-shipping', definition: given.definition },
  }),
  'workflows-in-code 3': async () => ({ decompile }),
};

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<void>;

test.each([...new Set(EXAMPLES.map(({ page }) => page))])('%s', async (page) => {
  const name = page.replace(/^.*\/|\.md$/g, '');
  const examples = EXAMPLES.filter((example) => example.page === page);
  for (const [index, example] of examples.entries()) {
    // What is imported is given.
    const body = example.code.replaceAll(/^import .*$/gm, '');
    let code = stripTypeScriptTypes(`async () => {${body}}`).slice('async () => {'.length, -1);
    for (const [text, value] of FILLED[name] ?? []) code = code.replace(text, value);
    const readFileSync = () => JSON.stringify(stackInfo());
    const values = { readFileSync, ...given, ...(await CALLERS[`${name} ${index + 1}`]?.()) };
    // An inner block, because an example may declare what is given.
    await new AsyncFunction(...Object.keys(values), `{${code}}`)(...Object.values(values));
    expect(refused.splice(0), example.code).toEqual([]);
  }
});

/** The commands of curl in the guides, with the places that a reader fills. */
const COMMANDS = pages
  .filter((page) => page.startsWith('docs/guides/'))
  .flatMap((page) =>
    blocks(read(page), 'sh')
      .filter((code) => code.startsWith('curl '))
      .map((code) => ({
        name: page.replace(/^.*\/|\.md$/g, ''),
        command: code.replaceAll('\\\n', '').replaceAll(/^#.*$/gm, '').trim(),
      })),
  );

/** What the commands of a page name by variables. */
const VARIABLES: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  'approvals-and-tasks': async () => {
    const { taskId, approvalId } = await openTasks();
    colleague ??= joined();
    return { TASK_ID: taskId, APPROVAL_ID: approvalId, USER_ID: await colleague };
  },
  'rerun-and-redrive': async () => ({ RUN_ID: (await waiting('broken', 'failed')).run }),
  schedules: async () => ({
    SCHEDULE_ID: (await scheduled()).schedule_id,
    WORKFLOW_ID: given.workflow_id,
  }),
  'signals-and-queries': async () => ({ RUN_ID: (await waiting('signal', 'running')).run }),
};

/** The request that a command of curl with -X, -H, -d and -N sends. */
function requestOf(command: string): [string, RequestInit] {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
  const headers = new Headers();
  let [address, method, body]: (string | undefined)[] = [];
  for (let index = 1; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '-N') continue;
    if (!word.startsWith('-')) address = word;
    else {
      const value = words[++index] ?? '';
      const [, name = '', text = ''] = /^([\w-]+): (.*)$/.exec(value) ?? [];
      if (word === '-H') headers.set(name, text);
      else if (word === '-X') method = value;
      else body = value;
    }
  }
  method ??= body === undefined ? 'GET' : 'POST';
  return [address ?? '', { method, headers, ...(body === undefined ? {} : { body }) }];
}

test.each(COMMANDS)('$name: $command', async ({ name, command }) => {
  const api = `${url}/functions/v1/stepbase-api`;
  const { key } = await call<{ key: string }>('create_api_key', { name: 'curl' });
  const { data } = await founder.auth.getSession();
  const token = data.session?.access_token ?? '';
  const draft = JSON.stringify({ definition: given.definition });
  const path = `${api}/v1/workflows/order-confirmation/draft`;
  const authorization = `Bearer ${token}`;
  const type = { 'content-type': 'application/json' };
  const saved = await fetch(path, {
    method: 'POST',
    headers: { authorization, ...type },
    body: draft,
  });
  const variables = { RUN_ID: given.runId, ...(await VARIABLES[name]?.()) };
  const filled = Object.entries(variables)
    .reduce((text, [key, value]) => text.replaceAll(`$${key}`, String(value)), command)
    .replaceAll(/\$(API|STEPBASE_API)\b/g, api)
    .replaceAll('$URL', url)
    .replaceAll('$TOKEN', token)
    .replaceAll(/sbk_…|\$STEPBASE_KEY/g, key)
    // The run waits for an approval.
    .replace('wait=20', 'wait=1')
    .replaceAll('@draft.json', `'${draft}'`)
    .replaceAll('"9f0c…"', saved.headers.get('etag') ?? '');
  const answer = await recorded(...requestOf(filled));
  await answer.body?.cancel();
  expect(refused.splice(0)).toEqual([]);
  expect(answer.status).toBeLessThan(300);
});

test('the pages have examples', () => {
  expect(EXAMPLES.length).toBeGreaterThan(35);
  expect(COMMANDS.length).toBeGreaterThanOrEqual(20);
});
