// The warnings of explain_workflow: what a valid workflow may do that its author does not expect.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../types/database.ts';
import { explained } from './explain.ts';
import { codeOf, type Node, node, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

/** Each warning as 'node code'. */
async function warnings(nodes: Node[], ...lines: string[]): Promise<string[]> {
  const plan = await explained(b, await b.publish(nodes, lines));
  return plan.warnings.map(({ node_id, code }) => `${node_id} ${code}`);
}

const twice = { retry: { max_attempts: 2 } };
const url = 'https://x.example';
const withFiles = (id: string, ...contents: (string | Record<string, string>)[]) =>
  node(id, 'send_email', {
    ...{ to: 'a@x.example', subject: 'x', text: 'x' },
    attachments: contents.map((content) => ({ filename: 'a.txt', content })),
  });

const undoneBy = (id: string, type: string, config: Record<string, Json>): Node => ({
  ...value(id),
  data: { config: { expression: '1' }, compensate: { type, config } },
});

describe.concurrent('warnings', () => {
  test.each<[string, Node[], string[], string[]]>([
    [
      'waits without an end',
      [
        node('ask', 'wait_for_approval', { title: 'x' }),
        node('form', 'user_task', { title: 'x' }),
        node('signal', 'wait_for_signal', { signal_name: 'x' }),
        value('end'),
      ],
      ['ask > end : approved', 'form > end', 'signal > end : timeout'],
      [
        'ask wait_without_deadline',
        'form wait_without_deadline',
        'signal timeout_edge_never_taken',
        'signal wait_without_deadline',
      ],
    ],
    [
      'waits of a step with a time limit for all its attempts',
      [
        node(
          'signal',
          'wait_for_signal',
          { signal_name: 'x' },
          { retry: { max_attempts: 1, max_elapsed_ms: 60_000 } },
        ),
        value('end'),
      ],
      ['signal > end : timeout'],
      [],
    ],
    [
      'a compensation that waits without an end',
      [
        undoneBy('a', 'user_task', { title: 'Take it back' }),
        undoneBy('b', 'user_task', { title: 'Take it back', deadline_ms: 1000 }),
        undoneBy('c', 'work_queue_pop', { queue: 'x' }),
        undoneBy('d', 'work_queue_pop', { queue: 'x', wait: false }),
        undoneBy('e', 'transform', { expression: '1' }),
      ],
      [],
      ['a wait_without_deadline', 'c wait_without_deadline'],
    ],
    [
      'a step with a longer time limit than the run',
      [
        node('late', 'delay', { ms: 3_600_000 }),
        node('child', 'child_workflow', { workflow: '{{ input.which }}', timeout_ms: 3_600_000 }),
        node('slow', 'http_request', { url }, { timeout_ms: 3_600_000 }),
        node(
          'often',
          'http_request',
          { url },
          { retry: { max_attempts: 3, backoff: 'fixed', delay_ms: 1_800_000 } },
        ),
      ],
      [],
      [
        'late wait_outlasts_run',
        'child wait_outlasts_run',
        'slow attempt_outlasts_run',
        'often retries_outlast_run',
      ],
    ],
    [
      'retries without effect',
      [
        value('a', '1', twice),
        value('told', '1', { retry: { max_attempts: 2, retry_on: ['expression_failed'] } }),
        node('once', 'http_request', { url }, { retry: { max_attempts: 1 } }),
        node(
          'each',
          'for_each',
          {
            items: [],
            concurrency: 1,
            step: { type: 'transform', config: { expression: '1' } },
          },
          twice,
        ),
      ],
      [],
      ['a retry_has_no_effect', 'once retry_has_no_effect', 'each retry_has_no_effect'],
    ],
    [
      'effects that can happen twice, or once for all runs',
      [
        node('mail', 'send_email', { to: 'a@x.example', subject: 'x', text: 'x' }, twice),
        node('post', 'http_request', { url, method: 'POST', headers: { 'Idempotency-Key': 'x' } }),
        node('own', 'http_request', { url, headers: { 'idempotency-key': '{{ input.id }}' } }),
        withFiles('same', 'terms', { encoding: 'base64', data: 'eA==' }),
        withFiles('made', '{{ input.text }}', { encoding: 'base64', data: '{{ input.data }}' }),
      ],
      [],
      ['mail effect_may_repeat', 'post idempotency_key_is_constant', 'same attachment_is_constant'],
    ],
    [
      'URLs that data chooses',
      [
        node('raw', 'http_request', { url: 'https://a.example/{{ $raw(input.path) }}' }),
        node('base', 'http_request', {
          url: ' {{ input.base }}/x',
          headers: { a: '{{ secrets.k }}' },
        }),
        node('name', 'webhook', {
          url: 'https://{{ input.h }}.example/',
          secret: '{{ secrets.k }}',
        }),
        node('each', 'for_each', {
          items: [],
          concurrency: 1,
          step: {
            type: 'http_request',
            config: { url: '{{ item }}', body: '{{ secrets.k }}', method: 'POST' },
          },
        }),
        undoneBy('undo', 'http_request', {
          url: 'https:{{ input.h }}/',
          headers: { a: '{{ secrets.k }}' },
        }),
        node('path', 'http_request', { url: 'https://a.example/{{ input.x }}?k={{ secrets.k }}' }),
        node('own', 'http_request', { url: '{{ secrets.base }}/{{ input.x }}' }),
        node('free', 'http_request', { url: '{{ input.base }}/x' }),
      ],
      [],
      [
        'raw url_not_encoded',
        'base secret_host_from_data',
        'name secret_host_from_data',
        'each secret_host_from_data',
        'undo secret_host_from_data',
      ],
    ],
    [
      'reading everything',
      [
        value('a'),
        value('b', '$keys(context)'),
        value('c', '$count(steps.*)'),
        value('d', '"context of steps"'),
        value('e', 'steps.a.output.context'),
      ],
      ['a > b', 'b > c', 'c > d', 'd > e'],
      ['b reads_whole_context', 'c reads_whole_context'],
    ],
    [
      'a for_each without a concurrency, and a child that does not exist',
      [
        node('each', 'for_each', {
          items: [],
          step: { type: 'child_workflow', config: { workflow: 'missing' } },
        }),
        node('call', 'child_workflow', { workflow: '{{ input.which }}' }),
      ],
      [],
      ['each child_not_published', 'each for_each_default_concurrency'],
    ],
    [
      'work queues',
      [
        node('push', 'work_queue_push', { queue: 'nowhere', item: 1 }, twice),
        node('take', 'work_queue_pop', { queue: 'other-workflow/nowhere' }),
        node('look', 'work_queue_pop', { queue: '{{ input.queue }}', wait: false }, twice),
      ],
      [],
      [
        'push work_queue_missing',
        'take work_queue_missing',
        'take wait_without_deadline',
        'look retry_has_no_effect',
      ],
    ],
    [
      'conditions whose value may take no edge',
      [
        node('code', 'condition', { expression: 'input.code' }),
        node('rest', 'condition', { expression: 'input.code' }),
        node('guard', 'condition', { expression: 'input.code' }),
        node('kind', 'condition', { expression: "input.n > 1 ? 'many' : 'one'" }),
        node('open', 'condition', { expression: "input.n > 1 ? 'many' : input.kind" }),
        value('end', '1'),
      ],
      [
        'code > end : 200',
        'code > end : 404',
        'rest > end : 200',
        'rest > end : default',
        'guard > end : true',
        'kind > end : many',
        'kind > end : one',
        'open > end : many',
      ],
      ['code value_may_take_no_edge', 'open value_may_take_no_edge'],
    ],
    [
      'edges without effect',
      [
        node('if', 'condition', { expression: 'true' }),
        node('ask', 'wait_for_approval', { title: 'x', deadline_ms: 1000 }),
        node('wait', 'delay', { ms: 1 }),
        value('caught', '1', { on_error: 'continue' }),
        value('end', '1', { join: 'any' }),
        value('alone', '1', { join: 'any' }),
      ],
      ['if > end', 'ask > end', 'wait > end : error', 'caught > end : error', 'if > alone'],
      [
        'if condition_chooses_nothing',
        'ask decision_ignored',
        'wait error_edge_never_taken',
        'caught on_error_never_used',
        'alone join_has_no_effect',
      ],
    ],
  ])('are given for %s', async (_what, nodes, lines, expected) => {
    expect((await warnings(nodes, ...lines)).sort()).toEqual(expected.sort());
  });

  test('a draft in which a child waits for a child that no step starts has the problem that publishing reports', async () => {
    const [first, second] = [await b.publish([value('a')]), await b.publish([value('b')])];
    const parent = await b.publish([node('call', 'child_workflow', { workflow: second })]);
    const { data } = await b.developer
      .from('workflows')
      .select('id, kebab_name')
      .in('kebab_name', [first, second, parent]);
    const id = (name: string) => data?.find(({ kebab_name }) => kebab_name === name)?.id;
    const { error } = await b.developer.from('workflow_children').insert({
      parent_workflow_id: id(parent),
      child_workflow_id: id(second),
      child_workflow_name: second,
      block_until: { children: [first] },
    });
    expect(error).toBeNull();
    const draft = await b.developer
      .rpc('save_workflow', {
        kebab_name: parent,
        definition: { nodes: [node('call', 'child_workflow', { workflow: second })], edges: [] },
      })
      .single<{ id: string }>();
    const published = await b.developer.rpc('publish_workflow', {
      workflow_version_id: draft.data?.id,
    });
    expect(codeOf(published)).toBe('SB423 invalid_definition');
    expect((await explained(b, parent, 2)).problems).toEqual(
      JSON.parse(published.error?.details ?? '{}').errors,
    );
  });

  test('a child by its declared name and a deprecated child give no warning', async () => {
    const child = await b.publish([value('a')]);
    const parent = await b.publish([
      node('call', 'child_workflow', { workflow: 'my child' }),
      node('by-name', 'child_workflow', { workflow: child }),
    ]);
    expect((await explained(b, parent)).warnings.map(({ node_id }) => node_id)).toEqual(['call']);
    const { data } = await b.developer
      .from('workflows')
      .select('id, kebab_name')
      .in('kebab_name', [parent, child]);
    const id = (name: string) => data?.find(({ kebab_name }) => kebab_name === name)?.id;
    const { error } = await b.developer.from('workflow_children').insert({
      parent_workflow_id: id(parent),
      child_workflow_id: id(child),
      child_workflow_name: 'my child',
    });
    expect(error).toBeNull();
    await b.developer.from('workflows').update({ status: 'deprecated' }).eq('kebab_name', child);
    expect((await explained(b, parent)).warnings).toEqual([]);
  });

  test('an existing work queue, of this workflow or another one, gives no warning', async () => {
    const owner = await b.publish([node('push', 'work_queue_push', { queue: 'todo', item: 1 })]);
    const { data } = await b.developer
      .from('workflows')
      .select('id')
      .eq('kebab_name', owner)
      .single<{ id: string }>();
    const { error } = await b.developer
      .from('work_queues')
      .insert({ workflow_id: data?.id, queue_name: 'todo' });
    expect(error).toBeNull();
    expect((await explained(b, owner)).warnings).toEqual([]);
    const push = node('push', 'work_queue_push', { queue: `${owner}/todo`, item: 1 });
    expect(await warnings([push])).toEqual([]);
  });

  test('every published workflow of the seed can be explained and has no problems', async () => {
    // The seed is one transaction, so its rows have one time; other tests publish workflows, too.
    const { rows } = await b.db.query<{ kebab_name: string }>(
      `select w.kebab_name from stepbase.workflows w join stepbase.applications a using (app_code, created_at)
       where w.app_code = 'acme' and w.status = 'published'`,
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const { kebab_name } of rows) {
      const plan = await explained(b, kebab_name);
      expect(plan.problems).toEqual([]);
      expect(plan.nodes.length).toBeGreaterThan(0);
    }
  });
});
