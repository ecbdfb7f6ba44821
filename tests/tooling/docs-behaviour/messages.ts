// The examples of signals, child workflows, events, alerts and work queues.

import { expect } from 'vitest';
import { failing, type Node, node, value } from '../../engine/support.ts';
import { waitFor } from '../../support/stack.ts';
import {
  b,
  fakes,
  idOf,
  lastCall,
  published,
  publishedAs,
  ran,
  started,
  type Topic,
} from './support.ts';

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

const queue = async (workflow: string) => {
  const { error } = await b.developer
    .from('work_queues')
    .insert({ workflow_id: await idOf(workflow), queue_name: 'orders' });
  expect(error).toBeNull();
};

export const messages: Topic = {
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

  async 'guides/alerts: teams'() {
    let runId = '';
    await alerted(
      'guides/alerts: teams',
      'run.failed',
      async () => {
        runId = (await b.run([failing('broken')])).run.id;
      },
      () => waitFor('the card in Teams', () => Promise.resolve(lastCall('/teams'))),
    );
    const text = expect.stringContaining(`run.failed: run ${runId} of t-`);
    expect(lastCall('/teams')?.body).toMatchObject({
      type: 'message',
      attachments: [{ content: { type: 'AdaptiveCard', body: [{ text }] } }],
    });
  },

  async 'guides/alerts: ask'() {
    const approval = node('pay', 'wait_for_approval', { title: 'Pay 7?', role: 'developer' });
    const name = await b.publish([approval]);
    let taskId = '';
    await alerted(
      'guides/alerts: ask',
      'task.created',
      async () => {
        const { id } = await b.start(name);
        taskId = (await b.stepIs(id, 'pay', 'waiting')).id;
      },
      () => waitFor('the message', () => Promise.resolve(lastCall('/services/T1/B1/tasks'))),
    );
    expect(lastCall('/services/T1/B1/tasks')?.body).toEqual({
      text: `${name} waits for: Pay 7?\nhttps://workflows.acme.example/#/acme/tasks/${taskId}`,
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
};
