// The reader of the docs: a new user with an application of their own, and the rows that examples need.

import { randomUUID } from 'node:crypto';
import { createClient, type SupabaseClientOptions } from '@supabase/supabase-js';
import { expect } from 'vitest';
import { linkIn, mailTo } from '../support/mail.ts';
import { type StackClient, stackInfo, waitFor } from '../support/stack.ts';

export const mark = randomUUID().slice(0, 8);
export const app = `docs-${mark}`;
export const password = randomUUID();
const { api_url: url, publishable_key: publishableKey, secret_key: secretKey } = stackInfo();

/** Answers that are refusals. */
export const refused: string[] = [];
export const clients: StackClient[] = [];
export const recorded: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (!response.ok) refused.push(`${response.url} ${await response.clone().text()}`);
  return response;
};
interface Options {
  db?: { schema: string };
  global?: { headers?: Record<string, string> };
}
export function create(address: string, key: string, options: Options = {}): StackClient {
  const settings = {
    ...options,
    auth: { persistSession: false, autoRefreshToken: false },
    global: { ...options.global, fetch: recorded },
  } as SupabaseClientOptions<'stepbase'>;
  const made = createClient(address, key, settings) as unknown as StackClient;
  clients.push(made);
  return made;
}

export async function signUp(
  name: string,
): Promise<{ as: StackClient; id: string; email: string }> {
  const as = create(url, publishableKey, { db: { schema: 'stepbase' } });
  const email = `${name}-${mark}@docs.example`;
  const { data } = await as.auth.signUp({ email, password });
  return { as, id: data.user?.id ?? '', email };
}

export let founder: StackClient;
export async function call<T = { id: string }>(name: string, args: Record<string, unknown> = {}) {
  const { data, error } = await founder.rpc(name, args);
  if (error) throw new Error(`${name}: ${error.message}`);
  return data as T;
}

const save = (kebab_name: string, nodes: unknown[], edges: unknown[] = []) =>
  call<{ id: string; workflow_id: string }>('save_workflow', {
    kebab_name,
    definition: { nodes, edges },
  });
export async function publish(kebab_name: string, nodes: unknown[], edges: unknown[] = []) {
  const saved = await save(kebab_name, nodes, edges);
  await call('publish_workflow', { workflow_version_id: saved.id });
  return saved;
}
export const node = (id: string, type: string, config: unknown) => ({ id, type, data: { config } });

export async function waiting(
  workflow: string,
  status: string,
): Promise<{ run: string; step: string }> {
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
export async function versions(expression: string) {
  const name = `versions-${randomUUID().slice(0, 8)}`;
  const ask = node('ask', 'wait_for_approval', { title: 'Go?' });
  const one = (value: string) => [node('one', 'transform', { expression: value }), ask];
  const published = await publish(name, one('1'));
  return { name, published, draft: await save(name, one(expression)) };
}

/** A workflow that no other example changes. */
export const ownWorkflow = async () =>
  (
    await publish(`own-${randomUUID().slice(0, 8)}`, [
      node('one', 'transform', { expression: '1' }),
    ])
  ).workflow_id;

/** An open run of a workflow that has a newer published version. */
export async function outdated(): Promise<string> {
  const { name, draft } = await versions('2');
  const { run } = await waiting(name, 'running');
  await call('publish_workflow', { workflow_version_id: draft.id });
  return run;
}

export async function startedCanary(): Promise<string> {
  const { draft } = await versions('2');
  return (await call('start_canary', { workflow_version_id: draft.id })).id;
}

const SELECTION = {
  action: 'cancel',
  filter: { workflow: 'order-shipping', tag: 'import-7' },
} as const;
export const previewed = async () =>
  (await call<{ preview: string }>('preview_operation', SELECTION)).preview;
export const operationId = async () =>
  (await call('start_operation', { ...SELECTION, preview: await previewed() })).id;

/** A subscription with a delivery that has failed. */
export async function subscribed(): Promise<{ id: string; delivery: string }> {
  const { id } = await call('create_webhook_subscription', {
    url: 'https://crm.example/hooks',
    event_types: ['run.failed'],
  });
  await call('send_test_event', { subscription_id: id });
  const delivery = await waitFor('the delivery has failed', async () => {
    const columns = 'id, status';
    const { data } = await founder
      .from('webhook_deliveries')
      .select(columns)
      .eq('subscription_id', id);
    return data?.every(({ status }) => status !== 'pending') ? data[0]?.id : undefined;
  });
  return { id, delivery: String(delivery) };
}

export async function scheduled() {
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

let colleague: Promise<string> | undefined;
/** The id of a member who stays one: other pages remove members. */
export function colleagueId(): Promise<string> {
  colleague ??= joined();
  return colleague;
}
async function joined(): Promise<string> {
  const { as, id, token } = await invite('dora');
  expect((await as.rpc('accept_invitation', { token })).error).toBeNull();
  return id;
}

export const newKey = async () => ({
  apiKey: (await call<{ key: string }>('create_api_key', { name: 'sdk' })).key,
});

export const openTasks = async () => ({
  taskId: (await waiting('form', 'running')).step,
  approvalId: (await waiting('refund-approval', 'running')).step,
});

export async function invite(name: string) {
  const person = await signUp(name);
  await call('invite_member', { email: person.email, role: 'viewer' });
  const link = linkIn(await mailTo(person.email, /^Invitation/), /\/invitation\?/);
  return { ...person, token: link.searchParams.get('token') };
}

let made: Promise<Record<string, unknown>> | undefined;
/** What the commands of organizations-and-members name: each works with what those before it made. */
export function tenancy(): Promise<Record<string, unknown>> {
  made ??= (async () => {
    const organization = await call('create_organization', { slug: `own-${mark}`, name: 'Own' });
    const person = await invite('finn');
    const joining = await person.as.rpc('accept_invitation', { token: person.token });
    expect(joining.error).toBeNull();
    const { data: companies } = await founder.from('organizations').select('id').eq('slug', app);
    return {
      $HOLDING_ID: companies?.[0]?.id,
      $USER_ID: person.id,
      '"bakery"': `"bakery-http-${mark}"`,
      // Members are read in the organizations with an application of the reader.
      '$ORGANIZATION_ID/members': `${companies?.[0]?.id}/members`,
      $ORGANIZATION_ID: organization.id,
      // The session of the other examples stays in its application.
      '/bakery-shop/switch': `/${app}/switch`,
      'bakery-shop': `shop-http-${mark}`,
    };
  })();
  return made;
}

/** A workflow that writes the file which the page reads. */
export async function monthlyReport(): Promise<Record<string, unknown>> {
  const config = {
    bucket: 'reports',
    path: '{{ input.month }}/sales.json',
    content: '{{ input.totals }}',
  };
  await publish('monthly-report', [node('report', 'storage_write', config)]);
  return {};
}

export const server = () =>
  create(url, secretKey, {
    db: { schema: 'stepbase' },
    global: { headers: { 'x-stepbase-app': app } },
  });

/** Signs the reader up, with an application and workflows; returns what examples name. */
export async function prepare(): Promise<Record<string, unknown>> {
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
  await publish('in-temporal', [node('one', 'transform', { expression: '1' })]);
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
  return {
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
    show: () => undefined,
    showRun: () => undefined,
    showStep: () => undefined,
    readAgain: () => undefined,
    readAgainSoon: () => undefined,
    file: { write: () => undefined },
    invitation: { app_code: app },
    channel: founder.channel('docs'),
  };
}
