// A stack with the sample world: every workflow of the seed completes with the inputs that its schema fills in, the first
// screens have something to show, and no step calls another machine.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleOf } from '../../functions/_shared/expressions/schema-example.ts';
import type { MailSummary } from '../../scripts/stack/mail/store.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { addressesAt, moveTo, PUBLIC_ADDRESSES } from '../../scripts/world/addresses.ts';
import type { WorldInfo } from '../../scripts/world/world.ts';
import { createStepbase } from '../../sdk/src/index.ts';
import type { Json } from '../../types/database.ts';
import { type Ended, type StepRun, type TestApp, testApp } from '../engine/support.ts';
import { freshDatabase, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

let stack: Stack;
let b: TestApp;
let world: WorldInfo;
beforeAll(async () => {
  stack = await startThrowawayStack({ web: false, world: true, worldLatencyMs: 0 });
  if (stack.info.world === null) throw new Error('the stack has no world');
  world = stack.info.world;
  b = await testApp(stack.info);
});
afterAll(() => stack?.stop());

const SEEDED = [
  'customer-onboarding',
  'daily-sales-digest',
  'order-confirmation',
  'order-triage',
  'refund-approval',
];
const RUN_DEADLINE_MS = 60_000;

interface Version {
  kebab_name: string;
  version: {
    input_schema: { examples: Json[]; properties: Record<string, Record<string, Json>> };
  };
}

/** The published versions as the developer reads them. */
async function readVersions(): Promise<Version[]> {
  const { data, error } = await b.developer
    .from('workflows')
    .select(
      'kebab_name, version:workflow_versions!published_version_is_of_this_workflow(input_schema)',
    )
    .order('kebab_name')
    .overrideTypes<Version[], { merge: false }>();
  if (error) throw new Error(error.message);
  return data;
}

/** Approves, or fills in the form with its example, as a person does with one click. */
async function answer({
  id,
  step_type,
  task,
}: Pick<StepRun, 'id' | 'step_type'> & { task: unknown }) {
  const { tasks } = createStepbase(b.developer);
  if (step_type === 'wait_for_approval') return await tasks.decide(id, { approved: true });
  const { form } = task as { form: Json };
  return await tasks.complete(id, exampleOf(form) as object);
}

async function completed(workflow: string, input: Json): Promise<Ended> {
  const { id } = await b.start(workflow, input);
  const answered = new Set<string>();
  await waitFor(
    `${workflow} ends`,
    async () => {
      const { data } = await b.developer
        .from('step_runs')
        .select('id, step_type, task')
        .eq('run_id', id)
        .eq('status', 'waiting')
        .eq('wait_kind', 'task');
      for (const task of (data ?? []).filter((waiting) => !answered.has(waiting.id))) {
        answered.add(task.id);
        await answer(task);
      }
      const { data: run } = await b.developer
        .from('runs')
        .select('completed_at')
        .eq('id', id)
        .single();
      return run?.completed_at != null;
    },
    RUN_DEADLINE_MS,
  );
  return await b.ended(id);
}

const mailApi = () => `${stack.info.mail_url}/api/messages?limit=500`;
const readMails = async () =>
  ((await (await fetch(mailApi())).json()) as { messages: MailSummary[] }).messages;

test('every workflow of the seed completes with each example of its schema', {
  timeout: scaled(150_000),
}, async () => {
  const versions = (await readVersions()).filter(({ kebab_name }) => SEEDED.includes(kebab_name));
  expect(versions.map(({ kebab_name }) => kebab_name)).toEqual(SEEDED);
  const starts = versions.flatMap(({ kebab_name, version: { input_schema } }) => {
    expect(exampleOf(input_schema)).toEqual(input_schema.examples[0]);
    // A form shows a title, a description and an example for every field.
    for (const [name, property] of Object.entries(input_schema.properties)) {
      expect(property, `${kebab_name}.${name}`).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        examples: [expect.anything()],
      });
    }
    return input_schema.examples.map((input) => ({ workflow: kebab_name, input }));
  });
  const runs = await Promise.all(
    starts.map(async ({ workflow, input }) => ({
      workflow,
      ...(await completed(workflow, input)),
    })),
  );
  expect(runs.map(({ workflow, run }) => [workflow, run.status])).toEqual(
    starts.map(({ workflow }) => [workflow, 'completed']),
  );

  // A person has approved and filled in a form; the CRM did not know one customer, and the run went on.
  const steps = runs.flatMap(({ all }) => all);
  const ofType = (type: string) => steps.filter(({ step_type }) => step_type === type);
  expect(ofType('wait_for_approval').map(({ status }) => status)).toEqual(['completed']);
  expect(
    ofType('user_task')
      .map(({ status }) => status)
      .sort(),
  ).toEqual(['completed', 'skipped']);
  expect(
    ofType('service_task')
      .map(({ status }) => status)
      .sort(),
  ).toEqual(['completed', 'failed']);

  const sent = ofType('send_email').filter(({ status }) => status === 'completed');
  expect(sent.length).toBeGreaterThanOrEqual(6);
  const mails = await readMails();
  for (const { input } of sent) {
    const { to, subject } = input as { to: string; subject: string };
    expect(mails).toContainEqual(expect.objectContaining({ to: [to], subject }));
  }

  // Every address that a step has called is one of the world.
  const called = steps.flatMap(({ input }) => {
    const url = (input as { url?: string } | null)?.url;
    return url === undefined ? [] : [url];
  });
  expect(called.length).toBeGreaterThanOrEqual(7);
  const isOfWorld = (url: string) =>
    url.startsWith(`${world.shop_url}/`) || url.startsWith(`${world.billing_url}/`);
  expect(called.filter((url) => !isOfWorld(url))).toEqual([]);
  const { data } = await b.developer.from('components').select('endpoint').eq('name', 'crm-lookup');
  expect(data).toEqual([{ endpoint: `${world.crm_url}/customers` }]);
  for (const address of Object.values(world)) expect(new URL(address).hostname).toBe('127.0.0.1');
  const services = new Set(stack.world?.calls.map(({ service }) => service));
  expect([...services].sort()).toEqual(['billing', 'crm', 'model', 'shop']);
});

test('the first screens show an agent, a failure, tasks, a schedule and deliveries', async () => {
  const db = b.developer;
  const letter = await waitFor('a run has failed', async () => {
    const { data } = await db.from('dead_letters').select().eq('error_code', 'http_client_error');
    return data?.[0];
  });
  expect(letter).toMatchObject({ workflow: 'order-confirmation', step_id: 'fetch_order' });
  expect(letter.error_message).toContain('404');

  await waitFor('the agent has answered', async () => {
    const { data } = await db.from('agent_turns').select('turn').eq('step_id', 'advise');
    return data?.length === 2;
  });
  const { data: calls } = await db.from('agent_tool_calls').select('tool, status, output');
  expect(calls).toEqual([
    { tool: 'crm-lookup', status: 'completed', output: expect.objectContaining({ tier: 'gold' }) },
  ]);
  const advice = await waitFor('the advice is mailed', async () =>
    (await readMails()).find(({ subject }) => subject === 'Advice for order 1005'),
  );
  expect(advice.to).toEqual(['team@acme.example']);

  const tasks = await waitFor('two tasks wait', async () => {
    const waiting = await createStepbase(b.developer).tasks.list().toArray();
    return waiting.length === 2 ? waiting.map(({ step_type }) => step_type).sort() : undefined;
  });
  expect(tasks).toEqual(['user_task', 'wait_for_approval']);

  const schedules = await db.from('workflow_schedules').select('is_enabled, input');
  expect(schedules.data).toEqual([
    { is_enabled: true, input: { shop_url: world.shop_url, email: 'sales@acme.example' } },
  ]);
  await waitFor('events of runs are delivered', async () => {
    const { data } = await db
      .from('webhook_deliveries')
      .select('event_type')
      .eq('status', 'delivered');
    const types = new Set(data?.map(({ event_type }) => event_type));
    return types.has('run.completed') && types.has('run.failed');
  });

  // The approval that the seed left open completes, too: its billing hook is in the world.
  const [approval] = (await createStepbase(b.developer).tasks.list().toArray()).filter(
    ({ step_type }) => step_type === 'wait_for_approval',
  );
  if (approval === undefined) throw new Error('no approval waits');
  await answer(approval);
  await waitFor('the refund is completed', async () => {
    const { data } = await db.from('runs').select('status').eq('id', approval.run_id).single();
    return data?.status === 'completed';
  });
});

test('sample data follows the services to another port, but not away from where a member has pointed it', async () => {
  const fresh = await freshDatabase({ seed: true });
  const mentions = (address: string) =>
    withClient(fresh.url, async (client) => {
      const { rows } = await client.query<{ place: string }>(
        `select 'component' as place from stepbase.components where starts_with(endpoint, $1)
         union all
         select 'schema' from stepbase.workflow_versions where strpos(input_schema::text, $1) > 0
         union all
         select 'schedule' from stepbase.workflow_schedules where strpos(input::text, $1) > 0
         union all
         select 'open run' from stepbase.runs
         where completed_at is null and strpos(input::text, $1) > 0`,
        [address],
      );
      return rows.map(({ place }) => place).sort();
    });
  const shop = ['open run', 'open run', 'schedule', ...Array<string>(5).fill('schema')];
  expect(await mentions(PUBLIC_ADDRESSES.shop_url)).toEqual(shop);

  const [first, second] = [
    addressesAt('http://127.0.0.1:4001'),
    addressesAt('http://127.0.0.1:4002'),
  ];
  for (const [from, to] of [
    [PUBLIC_ADDRESSES, first],
    [first, second],
    [second, second],
  ] as const) {
    await moveTo(to, fresh.adminUrl);
    expect(await mentions(to.shop_url)).toEqual(shop);
    expect(await mentions(to.crm_url)).toEqual(['component']);
    expect(await mentions(to.billing_url)).toEqual(['open run', 'schema']);
    if (from !== to) expect(await mentions(from.shop_url)).toEqual([]);
  }
  await withClient(fresh.adminUrl, (client) =>
    client.query(
      `update stepbase.components set endpoint = 'https://crm.own.example' where name = 'crm-lookup'`,
    ),
  );
  await moveTo(first, fresh.adminUrl);
  expect(await mentions(second.shop_url)).toEqual(shop);
});
