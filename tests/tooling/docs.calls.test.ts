// Every call of the SDK, of supabase-js and of curl in the guides and concepts works as it is written: a new user with an
// application of their own sends it, and the API refuses none. Placeholders and ids that a page leaves to the reader are
// filled in here.

import { randomUUID } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStepbase, InvalidInputError } from '../../sdk/src/index.ts';
import { followRun } from '../../sdk/src/live/index.ts';
import { decompile } from '../../sdk/src/workflow/index.ts';
import { stackInfo } from '../support/stack.ts';
import { blocks, pages, read } from './docs-pages.ts';
import {
  app,
  call,
  clients,
  colleagueId,
  founder,
  invite,
  mark,
  monthlyReport,
  newKey,
  node,
  openTasks,
  operationId,
  outdated,
  ownWorkflow,
  password,
  prepare,
  previewed,
  publish,
  recorded,
  refused,
  scheduled,
  server,
  signUp,
  startedCanary,
  subscribed,
  tenancy,
  versions,
  waiting,
} from './docs-reader.ts';

const EXAMPLES = pages
  .filter((page) => /^docs\/(guides|concepts)\//.test(page))
  .flatMap((page) =>
    [...blocks(read(page), 'ts'), ...blocks(read(page), 'js')].map((code) => ({ page, code })),
  )
  .filter(({ code }) => /\b(supabase|server|channel|createStepbase)\b|\bstepbase\./.test(code));
let given: Record<string, unknown>;
beforeAll(async () => {
  const stepbase = { createStepbase, followRun, InvalidInputError };
  given = { ...(await prepare()), ...stepbase, stepbase: createStepbase(founder) };
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
  'storage-files': [['my-shop', app]],
  // A workflow that no other page starts.
  temporal: [["'order-shipping'", "'in-temporal'"]],
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
  'call-from-a-machine 6': newKey,
  'call-from-a-machine 7': newKey,
  'find-runs 1': async () => {
    const declared = { searchable_inputs: ['order_id'] };
    await founder.from('workflows').update(declared).eq('kebab_name', 'order-shipping');
    return {};
  },
  'find-runs 4': async () => ({ filter: { workflow: 'order-shipping' }, show: () => undefined }),
  'flow-control 1': async () => ({
    workflow: { id: await ownWorkflow() },
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
  'continue-on-version 1': async () => ({ run_id: await outdated() }),
  'bulk-operations 3': async () => ({ operation_id: await operationId() }),
  'bulk-operations 4': async () => ({ appCode: app }),
  'bulk-operations 5': async () => ({ operation_id: await operationId() }),
  'events-and-webhooks 6': async () => ({
    trigger_id: (await call('create_webhook', { workflow: 'order-shipping' })).id,
  }),
  'existing-project 2': async () => ({
    supabase: server(),
    user_id: (await signUp('operator')).id,
  }),
  'invite-members 2': async () => {
    const { as, token } = await invite('eve');
    return { supabase: as, token };
  },
  'outgoing-webhooks 2': async () => ({ id: (await subscribed()).id }),
  'storage-files 1': async () => ({ supabase: server() }),
  'storage-files 2': monthlyReport,
  'storage-files 3': async () => ({ server: server() }),
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

/** What the commands of a page name by variables, and texts that stand for something else here. */
const VARIABLES: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  alerts: async () => ({ $WORKFLOW_ID: await ownWorkflow() }),
  'bulk-operations': async () => ({
    $PREVIEW: await previewed(),
    $OPERATION_ID: await operationId(),
  }),
  'call-from-a-machine': async () => ({
    $KEY_ID: (await call('create_api_key', { name: 'old' })).id,
    $ACCOUNT_ID: (given.account as { id: string }).id,
  }),
  canaries: async () => ({
    $CANARY_ID: await startedCanary(),
    '/order-shipping/': `/${(await versions('2')).name}/`,
  }),
  'concurrency-limits': async () => {
    const row = { name: `queue-${randomUUID()}` };
    const { data } = await founder.from('task_queues').insert(row).select('id').single();
    return { $QUEUE_ID: data?.id };
  },
  'continue-on-version': async () => ({ $RUN_ID: await outdated() }),
  'events-and-webhooks': async () => ({
    $WORKFLOW_ID: await ownWorkflow(),
    $WEBHOOK_ID: (await call('create_webhook', { workflow: 'order-shipping' })).id,
  }),
  'flow-control': async () => ({ $WORKFLOW_ID: await ownWorkflow() }),
  components: async () => ({ '"crm-lookup"': `"crm-${randomUUID()}"` }),
  'organizations-and-members': tenancy,
  'storage-files': async () => ({
    $SECRET_KEY: stackInfo().secret_key,
    '"reports"': `"reports-${randomUUID()}"`,
    'my-shop': app,
  }),
  'outgoing-webhooks': async () => {
    const { id, delivery } = await subscribed();
    return { $SUBSCRIPTION_ID: id, $DELIVERY_ID: delivery };
  },
  versions: async () => ({ '/order-shipping/': `/${(await versions('2')).name}/` }),
  'work-queues': async () => ({ $WORKFLOW_ID: await ownWorkflow() }),
  'approvals-and-tasks': async () => {
    const { taskId, approvalId } = await openTasks();
    return { $TASK_ID: taskId, $APPROVAL_ID: approvalId, $USER_ID: await colleagueId() };
  },
  'rerun-and-redrive': async () => ({ $RUN_ID: (await waiting('broken', 'failed')).run }),
  schedules: async () => ({
    $SCHEDULE_ID: (await scheduled()).schedule_id,
    $WORKFLOW_ID: given.workflow_id,
  }),
  'signals-and-queries': async () => ({ $RUN_ID: (await waiting('signal', 'running')).run }),
};

/** The request that a command of curl with -X, -H, -d and -N sends. */
function requestOf(command: string): [string, RequestInit] {
  const words = [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_quoted, single, double) => single ?? double),
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
  const { api_url: url } = stackInfo();
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
  const variables = { $RUN_ID: given.runId, ...(await VARIABLES[name]?.()) };
  const filled = Object.entries(variables)
    .reduce((text, [place, value]) => text.replaceAll(place, String(value)), command)
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
  expect(COMMANDS.length).toBeGreaterThanOrEqual(79);
});
