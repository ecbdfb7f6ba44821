// Every definition in the guides does what its page states. Each runs unchanged, with the hosts that it names
// served on this machine. The tests move the clock, so they use a stack of their own, one after the other.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fakes, startFakes } from '../../scripts/fakes/fakes.ts';
import { type HttpServer, type Received, type Reply, serveHttp } from '../../scripts/fakes/http.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import type { Json } from '../../types/database.ts';
import {
  codeOf,
  failing,
  type Node,
  node,
  type StepRun,
  type TestApp,
  testApp,
  value,
} from '../engine/support.ts';
import { client, seedUser, signedIn, waitFor } from '../support/stack.ts';
import { examples } from './docs-examples.ts';
import { blocks, read } from './docs-pages.ts';

let b: TestApp;
let stack: Stack;
let fakes: Fakes;
let outside: HttpServer;
const calls: Received[] = [];
/** Replies to the next requests of a path; other requests are answered with their path. */
const replies = new Map<string, Reply[]>();

const PARTNER_SECRET = `whsec_${Buffer.from('of the partner').toString('base64')}`;

beforeAll(async () => {
  fakes = await startFakes();
  outside = await serveHttp((call) => {
    calls.push(call);
    return replies.get(call.path)?.shift() ?? { body: { path: call.path } };
  });
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: {
      ...fakes.env,
      STEPBASE_SECRET_ACME__SHOP_KEY: 'key-of-the-shop',
      STEPBASE_SECRET_ACME__CRM_KEY: 'key-of-the-crm',
      STEPBASE_SECRET_ACME__PARTNER_HOOK: PARTNER_SECRET,
      STEPBASE_SECRET_ACME__SLACK_WEBHOOK: `${outside.url}/services/T1/B1/x`,
    },
  });
  b = await testApp(stack.info);
});
afterAll(async () => {
  await Promise.all([stack?.stop(), outside?.stop(), fakes?.stop()]);
});

const answers = (path: string, ...bodies: Json[]) =>
  replies.set(
    path,
    bodies.map((body) => ({ body })),
  );
const refuses = (path: string, ...statuses: number[]) =>
  replies.set(
    path,
    statuses.map((status) => ({ status, body: { status } })),
  );
const lastCall = (path: string) => calls.findLast((call) => call.path === path);

interface More {
  nodes?: Node[];
  lines?: string[];
}

/** Publishes an example with its hosts replaced by a server on this machine; `more` is added to the graph. */
async function published(name: string, { nodes = [], lines = [] }: More = {}): Promise<string> {
  const example = examples.find((one) => one.name === name);
  if (!example) throw new Error(`the guides have no example ${name}`);
  const text = JSON.stringify(example.definition.nodes);
  const here = JSON.parse(text.replace(/https:\/\/[a-z]+\.example/g, outside.url)) as Node[];
  const drawn = example.definition.edges.map(
    ({ source, target, sourceHandle }) =>
      `${source} > ${target}${sourceHandle ? ` : ${sourceHandle}` : ''}`,
  );
  return await b.publish([...here, ...nodes], [...drawn, ...lines]);
}

async function started(name: string, input: Json = {}, more?: More): Promise<string> {
  return (await b.start(await published(name, more), input)).id;
}

const ran = async (name: string, input: Json = {}, more?: More) =>
  await b.ended(await started(name, input, more));

/** Publishes a workflow under the name that a page uses. */
async function publishedAs(kebab_name: string, nodes: Node[]): Promise<void> {
  const { data } = await b.developer
    .rpc('save_workflow', { kebab_name, definition: { nodes, edges: [] } })
    .single<{ id: string }>();
  const { error } = await b.developer.rpc('publish_workflow', { workflow_version_id: data?.id });
  expect(error).toBeNull();
}

async function idOf(workflow: string): Promise<string> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  return data?.id ?? '';
}

/** Publishes a parent that starts the example as its child, with the permissions in `may`. */
async function parentOf(name: string, may: object, hears: Node[]): Promise<string> {
  const child = await published(name);
  const parent = await b.publish([
    node('call', 'child_workflow', { workflow: child, input: { done: 3 } }),
    ...hears,
  ]);
  const { error } = await b.developer.from('workflow_children').insert({
    parent_workflow_id: await idOf(parent),
    child_workflow_id: await idOf(child),
    child_workflow_name: child,
    ...may,
  });
  expect(error).toBeNull();
  return parent;
}

/** Lets an event start the example while `happen` causes it; `seen` resolves when the alert has arrived. */
async function alerted(
  name: string,
  event_name: string,
  happen: () => Promise<unknown>,
  seen: () => Promise<unknown>,
): Promise<void> {
  const { data, error } = await b.developer
    .from('workflow_triggers')
    .insert({ workflow_id: await idOf(await published(name)), trigger_type: 'event', event_name })
    .select('id')
    .single<{ id: string }>();
  expect(error).toBeNull();
  await happen();
  await seen();
  await b.developer
    .from('workflow_triggers')
    .delete()
    .eq('id', data?.id ?? '');
}

/** A run without steps that has the status since 90 minutes; removed after `emit_alerts` has seen it. */
async function oldRun(status: 'running' | 'pending'): Promise<string> {
  const workflow = await b.publish([value('a')]);
  const { rows } = await b.db.query<{ id: string }>(
    `insert into stepbase.runs (app_code, workflow_id, workflow_version_id, created_at, updated_at)
     select v.app_code, v.workflow_id, v.id, t.at, t.at
     from stepbase.workflow_versions v, (select stepbase_engine.now() - interval '90 minutes' as at) t
     where v.workflow_id = $1
     returning id`,
    [await idOf(workflow)],
  );
  const { id = '' } = rows[0] ?? {};
  if (status === 'running') {
    await b.db.query(
      "update stepbase.runs set status = 'running', started_at = created_at, open_steps = 1 where id = $1",
      [id],
    );
  }
  await b.db.query('select stepbase_engine.emit_alerts()');
  await b.db.query('delete from stepbase.runs where id = $1', [id]);
  return workflow;
}

const sqlOf = (page: string) => blocks(read(`docs/${page}.md`), 'sql');

const queue = async (workflow: string) => {
  const { error } = await b.developer
    .from('work_queues')
    .insert({ workflow_id: await idOf(workflow), queue_name: 'orders' });
  expect(error).toBeNull();
};

const TRIED: Record<string, () => Promise<void>> = {
  async 'guides/write-a-workflow: fetch'() {
    answers('/orders/A-1', { total: 150 });
    const id = await started('guides/write-a-workflow: fetch', { order_id: 'A-1' });
    const task = await b.stepIs(id, 'ask', 'waiting');
    expect(task.task).toMatchObject({ title: 'Ship order A-1?', role: 'developer' });
    await b.developer.rpc('decide_approval', { step_run_id: task.id, approved: true });
    const { run, step } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { ship: { status: 200 } } });
    expect(Object.keys(run.output as object)).toEqual(['ship']);
    expect(lastCall('/shipments')).toMatchObject({
      method: 'POST',
      headers: { authorization: 'Bearer key-of-the-shop', 'idempotency-key': `${id}:ship:0` },
      body: { order: { total: 150 } },
    });
    expect(step('ship').input).toMatchObject({
      headers: { authorization: 'Bearer {{ secrets.shop_key }}' },
    });

    answers('/orders/A-2', { total: 50 });
    const small = await ran('guides/write-a-workflow: fetch', { order_id: 'A-2' });
    expect(small.statuses).toMatchObject({ ask: 'skipped', ship: 'completed' });
  },

  async 'guides/call-http-services: create'() {
    refuses('/contacts', 409);
    const { step } = await ran('guides/call-http-services: create', {
      email: 'ada@customer.example',
    });
    expect(step('create').output).toMatchObject({ status: 409, body: { status: 409 } });
    expect(lastCall('/contacts')).toMatchObject({
      method: 'POST',
      query: { source: 'stepbase' },
      headers: { authorization: 'Bearer key-of-the-crm' },
      body: { email: 'ada@customer.example' },
    });
    refuses('/contacts', 403);
    expect(
      (await ran('guides/call-http-services: create', { email: 'x' })).run.error,
    ).toMatchObject({
      code: 'http_client_error',
      retryable: false,
    });
  },

  async 'guides/call-http-services: notify'() {
    const { run } = await ran('guides/call-http-services: notify', { order_id: 'A-1' });
    expect(run.output).toMatchObject({ notify: { status: 200 } });
    const call = lastCall('/hooks/stepbase');
    expect(call?.body).toEqual({ order: 'A-1' });
    expect(call?.headers).toMatchObject({
      'webhook-id': `${run.id}:notify:0`,
      'webhook-timestamp': expect.stringMatching(/^\d+$/),
      'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}=$/),
    });
    replies.set('/hooks/stepbase', [{ status: 302, headers: { location: '/elsewhere' } }]);
    expect((await ran('guides/call-http-services: notify', { order_id: 'A-1' })).run.status).toBe(
      'failed',
    );
    expect(lastCall('/elsewhere')).toBeUndefined();
  },

  async 'guides/call-http-services: pay'() {
    const { run } = await ran('guides/call-http-services: pay', { price: 'p1' });
    expect(run.status).toBe('completed');
    const call = lastCall('/sessions');
    expect(call?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded' });
    expect(decodeURIComponent(String(call?.body))).toBe('items[0][price]=p1&items[0][quantity]=1');
  },

  async 'guides/compute-values: total'() {
    const lines = [
      { price: 2, quantity: 3 },
      { price: 5, quantity: 1 },
    ];
    expect((await ran('guides/compute-values: total', { lines })).run.output).toEqual({
      total: 11,
    });
  },

  async 'guides/branches-and-joins: size'() {
    const name = await published('guides/branches-and-joins: size');
    const taken = async (total: number) =>
      (await b.ended((await b.start(name, { total })).id)).statuses;
    expect(await taken(50)).toMatchObject({
      review: 'skipped',
      check: 'skipped',
      accept: 'completed',
    });
    expect(await taken(500)).toMatchObject({ check: 'completed', accept: 'skipped' });
    const { id } = await b.start(name, { total: 5_000 });
    const review = await b.stepIs(id, 'review', 'waiting');
    await b.developer.rpc('complete_task', { step_run_id: review.id });
    const { statuses, step } = await b.ended(id);
    expect(statuses).toMatchObject({ review: 'completed', check: 'skipped', accept: 'skipped' });
    expect(step('size')).toMatchObject({ handle: 'large', output: 'large' });
  },

  async 'guides/compute-values: group'() {
    const lines = [{ quantity: 0 }, { quantity: 2 }];
    expect((await ran('guides/compute-values: group', { lines })).run.output).toEqual({
      group: [{ quantity: 2 }],
    });
  },

  async 'guides/call-a-model: classify'() {
    const { run } = await ran('guides/call-a-model: classify', { text: 'Urgent: it is broken' });
    expect(run.output).toMatchObject({
      classify: { object: { urgent: true }, text: expect.any(String), usage: expect.any(Object) },
    });
    const { messages } = await fakes.model.calls.waitFor(({ model }) => model === 'gpt-4o-mini');
    expect(messages).toEqual([
      { role: 'system', content: 'You sort support tickets.' },
      { role: 'user', content: 'Urgent: it is broken' },
    ]);
  },

  async 'guides/prompts: sort'() {
    const [stored] = blocks(read('docs/guides/prompts.md'), 'ts');
    const prompt_content = /prompt_content: '(.*)'/.exec(stored ?? '')?.[1] ?? '';
    const prompt = {
      ...{ name: 'ticket-triage', version: '1.0.0', prompt_content },
      prompt_variables: {
        text: { type: 'string' },
        product: { type: 'string', default: 'the shop' },
      },
    };
    const { error } = await b.developer.from('agent_prompts').insert(prompt);
    expect(error).toBeNull();
    const name = await published('guides/prompts: sort');
    const change = b.developer.from('agent_prompts').update({ prompt_content: 'Changed' });
    expect((await change.eq('name', 'ticket-triage')).error).toBeNull();
    const { run } = await b.ended((await b.start(name, { text: 'It broke' })).id);
    expect(run.status).toBe('completed');
    const text = 'Sort this ticket of the shop as urgent or not: It broke';
    await fakes.model.calls.waitFor(({ messages }) => messages[0]?.content === text);
  },

  async 'guides/send-mail: mail'() {
    const { run } = await ran('guides/send-mail: mail', {
      email: 'ada@customer.example',
      order_id: 'A-1',
    });
    expect(run.output).toEqual({ mail: { message_id: expect.any(String) } });
    const mail = await fakes.mailbox.mails.waitFor(({ recipients }) =>
      recipients.includes('team@example.com'),
    );
    expect(mail.recipients.sort()).toEqual(['ada@customer.example', 'team@example.com']);
    expect(mail.message.subject).toBe('Your order A-1');
  },

  async 'guides/approvals-and-tasks: ask'() {
    const name = await published('guides/approvals-and-tasks: ask');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 604800 where kebab_name = $1',
      [name],
    );
    const asks = async () => {
      const { id } = await b.start(name, { amount: 100 });
      return await b.stepIs(id, 'ask', 'waiting');
    };
    const [yes, no, late] = [await asks(), await asks(), await asks()];
    const decide = (client: TestApp['admin'], id: string, approved: boolean) =>
      client.rpc('decide_approval', { step_run_id: id, approved, comment: 'so be it' });
    expect(codeOf(await decide(b.developer, yes.id, true))).toBe('SB403 permission_denied');
    await decide(b.admin, yes.id, true);
    await decide(b.admin, no.id, false);
    expect(codeOf(await decide(b.admin, no.id, true))).toBe('SB409 conflict');
    await b.advance('25 hours');
    const [paid, refused, passed] = await Promise.all(
      [yes, no, late].map(({ run_id }) => b.ended(run_id)),
    );
    expect(paid?.run.output).toEqual({ pay: 'paid' });
    expect(paid?.step('ask')).toMatchObject({
      handle: 'approved',
      output: { approved: true, comment: 'so be it', decided_by: seedUser('admin@acme').id },
    });
    expect(refused?.run.output).toEqual({ refuse: 'refused' });
    expect(passed?.run.output).toEqual({ refuse: 'refused' });
    expect(passed?.step('ask')).toMatchObject({ handle: 'timeout', error: { code: 'timeout' } });
  },

  async 'guides/approvals-and-tasks: address'() {
    const id = await started('guides/approvals-and-tasks: address', {
      owner_id: seedUser('developer@acme').id,
    });
    const { id: step_run_id } = await b.stepIs(id, 'address', 'waiting');
    const completed = (output: Json) => b.developer.rpc('complete_task', { step_run_id, output });
    expect(codeOf(await completed({ city: 'Rome' }))).toBe('SB422 invalid_input');
    expect(codeOf(await completed({ street: 'Main Street 1' }))).toBe('none');
    expect((await b.ended(id)).run.output).toEqual({ address: { street: 'Main Street 1' } });
    const stranger = await ran('guides/approvals-and-tasks: address', { owner_id: randomUUID() });
    expect(stranger.run.error).toMatchObject({ code: 'unknown_assignee' });
  },

  async 'guides/approvals-of-several-persons: ask'() {
    const name = await published('guides/approvals-of-several-persons: ask');
    const second = seedUser('viewer@acme');
    const setRole = (role: string) =>
      b.db.query('update stepbase.app_members set role = $1 where user_id = $2', [role, second.id]);
    await setRole('admin');
    const colleague = await signedIn('viewer@acme', stack.info);
    const decide = async (task: StepRun, who: TestApp['admin'], approved = true) =>
      codeOf(await who.rpc('decide_approval', { step_run_id: task.id, approved }));
    const asks = async () => {
      const { id } = await b.start(name, { amount: 100 });
      return await b.stepIs(id, 'ask', 'waiting');
    };
    const [yes, no] = [await asks(), await asks()];
    expect(await decide(yes, b.developer)).toBe('SB403 permission_denied');
    expect(await decide(yes, b.admin)).toBe('none');
    expect(await decide(yes, b.admin)).toBe('SB409 conflict');
    expect(await decide(yes, colleague)).toBe('none');
    expect(await decide(no, colleague, false)).toBe('none');
    const [paid, refused] = await Promise.all([yes, no].map(({ run_id }) => b.ended(run_id)));
    expect(paid?.run.output).toEqual({ pay: 'paid' });
    expect(paid?.step('ask').output).toMatchObject({ approved: true, decisions: [{}, {}] });
    expect(refused?.run.output).toEqual({ refuse: 'refused' });
    await setRole('viewer');
  },

  async 'guides/approvals-by-mail: ask'() {
    const name = await published('guides/approvals-by-mail: ask');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 1000000 where kebab_name = $1',
      [name],
    );
    const { id } = await b.start(name, { amount: 100 });
    const task = await b.stepIs(id, 'ask', 'waiting');
    const happened = (type: string) =>
      waitFor(type, async () => {
        const { data } = await b.admin.from('run_events').select('event_type').eq('run_id', id);
        return data?.some(({ event_type }) => event_type === type);
      });
    await b.advance('25 hours');
    await happened('task.reminded');
    await b.advance('24 hours');
    await happened('task.escalated');
    expect(await b.stepIs(id, 'ask', 'waiting')).toMatchObject({ assigned_roles: ['admin'] });
    const decide = { step_run_id: task.id, approved: true };
    expect(codeOf(await b.developer.rpc('decide_approval', decide))).toBe(
      'SB403 permission_denied',
    );
    await b.admin.rpc('decide_approval', decide);
    expect((await b.ended(id)).run.status).toBe('completed');
  },

  async 'guides/wait-for-a-time: cool_down'() {
    const name = await published('guides/wait-for-a-time: cool_down');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 604800 where kebab_name = $1',
      [name],
    );
    const { id } = await b.start(name);
    await b.stepIs(id, 'cool_down', 'waiting');
    await b.advance('59 minutes');
    await b.stepIs(id, 'cool_down', 'waiting');
    await b.advance('2 minutes');
    expect((await b.ended(id)).run.status).toBe('completed');
  },

  async 'guides/signals-and-queries: paid'() {
    const late = { nodes: [value('late')], lines: ['paid > late : timeout'] };
    const name = await published('guides/signals-and-queries: paid', late);
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 1000000 where kebab_name = $1',
      [name],
    );
    const { id } = await b.start(name);
    await b.stepIs(id, 'paid', 'waiting');
    const signal = { signal_name: 'payment-received', payload: { amount: 7 } };
    await b.developer.rpc('send_signal', { run_id: id, ...signal });
    expect((await b.ended(id)).step('paid').output).toEqual({ amount: 7 });
    const forgotten = await b.start(name);
    await b.stepIs(forgotten.id, 'paid', 'waiting');
    await b.advance('7 days 1 minute');
    expect((await b.ended(forgotten.id)).statuses).toMatchObject({ late: 'completed' });
  },

  async 'guides/loop-over-items: enrich'() {
    refuses('/companies/2', 503);
    const id = await started('guides/loop-over-items: enrich', {
      companies: [1, 2, 3].map((n) => ({ id: n })),
    });
    await waitFor('the second company has a retry', async () => {
      const { rows } = await b.db.query(
        "select from stepbase.step_runs where run_id = $1 and attempt = 2 and status = 'waiting'",
        [id],
      );
      return rows.length === 1;
    });
    await b.advance('1 minute');
    const { run } = await b.ended(id);
    const { enrich } = run.output as { enrich: { body: { path: string } }[] };
    expect(enrich.map(({ body }) => body.path)).toEqual([1, 2, 3].map((n) => `/companies/${n}`));
  },

  async 'guides/child-workflows: invoice'() {
    const alone = await ran('guides/child-workflows: invoice', { order_id: 'A-1' });
    expect(alone.run.error).toMatchObject({ code: 'child_not_started' });
    await publishedAs('send-invoice', [value('sent', 'input.order')]);
    const { run } = await ran('guides/child-workflows: invoice', { order_id: 'A-1' });
    expect(run.output).toEqual({ invoice: { sent: 'A-1' } });
  },

  async 'guides/signals-and-queries: report'() {
    const hears = [node('hear', 'wait_for_signal', { signal_name: 'progress' })];
    const may = (can_signal_parent: boolean) =>
      parentOf('guides/signals-and-queries: report', { can_signal_parent }, hears);
    const { run, step } = await b.ended((await b.start(await may(true))).id);
    expect(step('hear').output).toEqual({ done: 3 });
    expect(step('call').output).toEqual({ report: { run_id: run.id } });
    const refused = await b.ended((await b.start(await may(false))).id);
    expect(refused.run.error).toMatchObject({
      code: 'child_failed',
      details: { error: { code: 'permission_denied' } },
    });
  },

  async 'guides/signals-and-queries: total'() {
    const parent = await parentOf(
      'guides/signals-and-queries: total',
      { can_query_parent: true },
      [],
    );
    const { run, step } = await b.ended((await b.start(parent)).id);
    expect(step('call').output).toMatchObject({ total: { id: run.id, status: 'running' } });
  },

  async 'guides/events-and-webhooks: shipped'() {
    const { run } = await ran('guides/events-and-webhooks: shipped', { order_id: 'A-1' });
    expect(run.output).toEqual({
      shipped: { name: 'order.shipped', payload: { order: 'A-1' } },
    });
  },

  async 'guides/alerts: mail'() {
    let runId = '';
    await alerted(
      'guides/alerts: mail',
      'run.failed',
      async () => {
        runId = (await b.run([failing('broken')])).run.id;
      },
      () =>
        fakes.mailbox.mails.waitFor(
          ({ recipients, message }) =>
            recipients.includes('operations@acme.example') &&
            message.subject?.startsWith('run.failed: t-') === true &&
            message.text?.includes(`Run ${runId} of `) === true &&
            message.text.includes('broken fails'),
        ),
    );
  },

  async 'guides/alerts: slack'() {
    let workflow = '';
    await alerted(
      'guides/alerts: slack',
      'run.stuck',
      async () => {
        workflow = await oldRun('running');
      },
      () => waitFor('the message to Slack', () => Promise.resolve(lastCall('/services/T1/B1/x'))),
    );
    expect(lastCall('/services/T1/B1/x')?.body).toEqual({
      text: expect.stringMatching(
        new RegExp(`^run.stuck: run [-0-9a-f]{36} of ${workflow} has not changed for 9\\d minutes`),
      ),
    });
  },

  async 'guides/alerts: notify'() {
    await alerted(
      'guides/alerts: notify',
      'queue.age_high',
      () => oldRun('pending'),
      () => waitFor('the webhook', () => Promise.resolve(lastCall('/alerts'))),
    );
    expect(lastCall('/alerts')).toMatchObject({
      headers: { 'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}=$/) },
      body: { name: 'queue.age_high', payload: { minutes: 90, threshold_minutes: 5 } },
    });
  },

  async 'guides/components: look_up'() {
    await b.db.query(
      "update stepbase.components set endpoint = $1 where app_code = 'acme' and name = 'crm-lookup'",
      [`${outside.url}/customers`],
    );
    const name = 'guides/components: look_up';
    const { run } = await ran(name, { email: 'ada@customer.example' });
    expect(run.output).toEqual({ look_up: { path: '/customers' } });
    expect(lastCall('/customers')).toMatchObject({
      method: 'POST',
      headers: { 'idempotency-key': `${run.id}:look_up:0` },
      body: { type: 'step.call', input: { email: 'ada@customer.example' } },
    });
    const unfit = await ran(name, { email: 'nobody' });
    expect(unfit.run.error).toMatchObject({ code: 'invalid_input' });
  },

  async 'guides/your-own-code: render'() {
    await b.db.query(
      `insert into stepbase.components (app_code, name, implementation_type, endpoint)
       values ('acme', 'render-invoice', 'service_task', $1)`,
      [`${outside.url}/render`],
    );
    answers('/render', { file: 'invoices/777.pdf' });
    const { run } = await ran('guides/your-own-code: render', { order: 777 });
    expect(run.output).toEqual({ render: { file: 'invoices/777.pdf' } });
    expect(lastCall('/render')).toMatchObject({
      body: { type: 'step.call', step: { id: 'render' }, input: { order: 777 } },
    });
  },

  async 'guides/components: triage'() {
    const { run } = await ran('guides/components: triage', { order: 'A-1' });
    expect(run).toMatchObject({ status: 'completed', output: { triage: {} } });
    const asked = await fakes.model.calls.waitFor(({ model }) => model === 'gpt-5-mini');
    expect(asked.messages).toEqual([
      { role: 'system', content: expect.stringContaining('You sort incoming orders') },
      { role: 'user', content: expect.stringContaining('A-1') },
    ]);
  },

  async 'guides/agents: answer'() {
    await b.db.query(
      "update stepbase.components set endpoint = $1 where app_code = 'acme' and name = 'crm-lookup'",
      [`${outside.url}/customers`],
    );
    const order = 'Use crm-lookup and ask_for_address.';
    const id = await started('guides/agents: answer', { order });
    const open = async (type: string) =>
      await waitFor(type, async () => {
        const { data } = await b.developer
          .from('step_runs')
          .select('id, task')
          .eq('run_id', id)
          .eq('step_type', type)
          .eq('status', 'waiting');
        return data?.[0];
      });
    const approval = await open('wait_for_approval');
    await b.admin.rpc('decide_approval', { step_run_id: approval.id, approved: true });
    const form = await open('user_task');
    expect(form.task).toMatchObject({
      title: 'Which address?',
      form: { required: ['street', 'city'] },
    });
    const address = { city: 'Berlin', street: 'Main Street 1' };
    await b.admin.rpc('complete_task', { step_run_id: form.id, output: address });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({
      status: 'completed',
      output: { answer: { turns: 2, usage: expect.any(Object), cost: expect.any(Number) } },
    });
    expect(lastCall('/customers')).toMatchObject({
      headers: { 'idempotency-key': `${id}:answer:-2` },
      body: { type: 'step.call', input: { email: 'ada@customer.example' } },
    });
    const results = await fakes.model.calls.waitFor(
      ({ model, messages }) => model === 'gpt-5' && messages.at(-1)?.role === 'tool',
    );
    expect(results.messages.slice(-2).map(({ content }) => content)).toEqual([
      '{"path":"/customers"}',
      JSON.stringify(address),
    ]);
  },

  async 'guides/work-queues: push'() {
    const name = await published('guides/work-queues: push');
    await queue(name);
    const { run } = await b.ended((await b.start(name, { order: { id: 'A-1' } })).id);
    const { data } = await b.developer
      .from('work_queue_items')
      .select('id, item, priority, status')
      .eq('pushed_by_run_id', run.id)
      .single();
    expect(data).toMatchObject({ item: { id: 'A-1' }, priority: 5, status: 'queued' });
    expect(run.output).toEqual({ push: { item_id: data?.id } });
  },

  async 'guides/work-queues: pop'() {
    const push = node('push', 'work_queue_push', { queue: 'orders', item: '{{ input.order }}' });
    await publishedAs('order-intake', [push]);
    await queue('order-intake');
    const name = 'guides/work-queues: pop';
    const waits = await started(name);
    await b.stepIs(waits, 'pop', 'waiting');
    await b.start('order-intake', { order: 'A-1' });
    const { run, step } = await b.ended(waits);
    expect(run.output).toEqual({ pop: 'A-1' });
    expect(step('pop').handle).toBe('item');
    const late = await started(name);
    await b.stepIs(late, 'pop', 'waiting');
    await b.advance('61 seconds');
    expect((await b.ended(late)).run.error).toMatchObject({ code: 'timeout', step_id: 'pop' });
  },

  async 'guides/handle-failures: charge'() {
    answers('/charges', { receipt: 'r-1' });
    const input = { amount: 7, email: 'alan@customer.example' };
    expect((await ran('guides/handle-failures: charge', input)).run.output).toEqual({
      receipt: 'r-1',
    });
    refuses('/charges', 402);
    const { statuses } = await ran('guides/handle-failures: charge', input);
    expect(statuses).toEqual({
      charge: 'failed',
      receipt: 'skipped',
      apologise: 'completed',
      look: 'skipped',
    });
    const mail = await fakes.mailbox.mails.waitFor(({ recipients }) =>
      recipients.includes('alan@customer.example'),
    );
    expect(mail.message.text).toContain('answered 402');
  },

  async 'guides/retries-and-timeouts: book'() {
    refuses('/slots/7', 404, 409);
    const id = await started('guides/retries-and-timeouts: book', { slot: 7 });
    for (const attempt of [2, 3]) {
      await waitFor(`attempt ${attempt} waits`, async () => {
        const { rows } = await b.db.query(
          "select from stepbase.step_runs where run_id = $1 and attempt = $2 and status = 'waiting'",
          [id, attempt],
        );
        return rows.length === 1;
      });
      await b.advance('1 minute');
    }
    const { run, all } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(all.map(({ status }) => status)).toEqual(['failed', 'failed', 'completed']);
    refuses('/slots/8', 429);
    const limited = await ran('guides/retries-and-timeouts: book', { slot: 8 });
    expect(limited.run.error).toMatchObject({ code: 'http_rate_limited' });
    expect(limited.all).toHaveLength(1);
  },

  async 'guides/sql-functions: reserve'() {
    await b.db.query(`
      create table public.stock (app_code text, order_id bigint, reserved int);
      insert into public.stock values ('acme', 7, 1), ('globex', 8, 0)`);
    await b.db.query(sqlOf('guides/sql-functions')[0] ?? '');
    const { run } = await ran('guides/sql-functions: reserve', { order_id: 7 });
    expect(run.output).toEqual({ reserve: { reserved: 1 } });
    const other = await ran('guides/sql-functions: reserve', { order_id: 8 });
    expect(other.run.error).toMatchObject({
      code: 'function_failed',
      message: 'public.reserve_stock: order 8 has no stock',
    });
    const { rows } = await b.db.query('select * from public.stock order by order_id');
    expect(rows.map(({ reserved }) => reserved)).toEqual([2, 0]);
  },

  async 'guides/storage-files: report'() {
    const server = client(b.stack, b.stack.secret_key);
    await server.storage.createBucket('reports', { public: false, fileSizeLimit: '4MB' });
    const { run } = await ran('guides/storage-files: report', {
      month: '2026-01',
      totals: { total: 3 },
    });
    expect(run.output).toMatchObject({ report: { name: 'acme/2026-01/sales.json', size: 11 } });
  },

  async 'guides/storage-files: prices'() {
    const server = client(b.stack, b.stack.secret_key);
    await server.storage.createBucket('reports', { public: false });
    const files = server.storage.from('reports');
    const { error } = await files.upload('acme/prices.csv', 'a,1', { contentType: 'text/csv' });
    expect(error).toBeNull();
    const { run } = await ran('guides/storage-files: prices');
    expect(run.output).toMatchObject({ prices: { content: 'a,1', content_type: 'text/csv' } });
  },

  async 'guides/compensation: book'() {
    answers('/bookings', { id: 'b-7' });
    const { run, all } = await ran(
      'guides/compensation: book',
      { trip: 'Rome' },
      { nodes: [failing('pay')], lines: ['book > pay'] },
    );
    expect(run).toMatchObject({ status: 'failed', error: { step_id: 'pay' } });
    expect(lastCall('/bookings/b-7')).toMatchObject({ method: 'DELETE' });
    expect(all.find(({ item_index }) => item_index === -1)).toMatchObject({
      step_id: 'book',
      status: 'completed',
    });
  },
};

describe('the guides', () => {
  const guides = examples.filter(({ name }) => name.startsWith('guides/'));

  test('have a test for every example and no other', () => {
    expect(Object.keys(TRIED).sort()).toEqual(guides.map(({ name }) => name).sort());
  });

  test('guides/database-triggers: a paid order starts a run with the mapped input', async () => {
    await publishedAs('order-shipping', [value('shown', 'input')]);
    await b.db.query('create table public.orders (id int, status text, customer jsonb)');
    await b.db.query(sqlOf('guides/database-triggers')[0] ?? '');
    await b.db.query(`insert into public.orders values (1, 'open', '{"email": "ada@x.example"}')`);
    await b.db.query(`update public.orders set status = 'paid'`);
    const id = await waitFor('the run', async () => {
      const { rows } = await b.db.query<{ id: string }>(
        "select id from stepbase.runs where trigger_type = 'database'",
      );
      return rows[0]?.id;
    });
    expect((await b.ended(id)).run.output).toEqual({
      shown: { order_id: 1, email: 'ada@x.example', source: 'orders' },
    });
    const { rows } = await b.db.query(sqlOf('guides/database-triggers')[1]?.split(';')[0] ?? '');
    expect(rows).toMatchObject([{ name: 'orders_order-shipping', table_name: 'public.orders' }]);
  });

  test('guides/start-from-sql: the call starts one run for its key', async () => {
    await publishedAs('order-shipping', [value('shown', 'input')]);
    const [call = ''] = sqlOf('guides/start-from-sql');
    await b.db.query(call);
    await b.db.query(call);
    const { rows } = await b.db.query<{ id: string; trigger_type: string }>(
      "select id, trigger_type from stepbase.runs where idempotency_key = 'ship:o-1'",
    );
    expect(rows).toMatchObject([{ trigger_type: 'sql' }]);
    await b.ended(rows[0]?.id ?? '');
  });

  test.each(guides)('$name: the example does what the page states', async ({ name }) => {
    await TRIED[name]?.();
  });
});
