// The plan of a workflow from the RPC explain_workflow and from `npm run explain`.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../../scripts/explain/plan.ts';
import { duration } from '../../scripts/explain/table.ts';
import type { Json } from '../../types/database.ts';
import { signedIn } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { codeOf, edges, type Node, node, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function explained(workflow: string, version?: number): Promise<Plan> {
  const { data, error } = await b.developer.rpc('explain_workflow', { workflow, version });
  if (error) throw new Error(`${error.code} ${error.message}`);
  return data as unknown as Plan;
}

/** Each warning as 'node code'. */
async function warnings(nodes: Node[], ...lines: string[]): Promise<string[]> {
  const plan = await explained(await b.publish(nodes, lines));
  return plan.warnings.map(({ node_id, code }) => `${node_id} ${code}`);
}

interface Output {
  code: number;
  out: string;
  err: string;
}

async function command(...args: string[]): Promise<Output> {
  const env = { ...process.env };
  delete env.DATABASE_URL;
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['scripts/explain.ts', ...args],
      { env, timeout: scaled(30_000) },
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, out: failed.stdout, err: failed.stderr };
  }
}

const ORDER = [
  node(
    'fetch',
    'http_request',
    {
      url: 'https://shop.example/{{ input.id }}',
      headers: { authorization: '{{ secrets.shop_key }}' },
    },
    {
      retry: { max_attempts: 6, delay_ms: 1000, max_delay_ms: 10_000, jitter: 0.5 },
      timeout_ms: 5000,
    },
  ),
  node('large', 'condition', { expression: 'steps.fetch.output.body.total > 100' }),
  node('ask', 'wait_for_approval', { title: 'Ship?', deadline_ms: 60_000 }),
  node(
    'ship',
    'for_each',
    {
      items: '{{ steps.fetch.output.body.lines }}',
      concurrency: 5,
      step: { type: 'http_request', config: { url: 'https://ship.example/{{ item }}' } },
    },
    { join: 'any', on_error: 'continue' },
  ),
];
const LINES = [
  'fetch > large',
  'large > ask : true',
  'large > ship : false',
  'ask > ship : approved',
];

describe.concurrent('explain_workflow', () => {
  test('returns the nodes in order, with the steps that they read, edges, limits and retries', async () => {
    const plan = await explained(await b.publish(ORDER, LINES));
    expect(plan).toMatchObject({
      app_code: 'acme',
      version: 1,
      status: 'published',
      limits: { execution_timeout_seconds: 3600, task_queue: { name: 'default' } },
      problems: [],
      warnings: [],
    });
    expect(plan.nodes.map(({ id, ordinal }) => `${ordinal} ${id}`)).toEqual([
      '0 fetch',
      '1 large',
      '2 ask',
      '3 ship',
    ]);
    const [fetch, large, ask, ship] = plan.nodes;
    expect(fetch).toMatchObject({
      type: 'http_request',
      reads: [],
      secrets: ['shop_key'],
      attempt_timeout_ms: 5000,
      from: [],
      to: [{ node: 'large' }],
      retry: { max_attempts: 6, waits_ms: [1000, 2000, 4000, 8000, 10_000], all_waits_ms: 25_000 },
    });
    expect(large).toMatchObject({ reads: ['fetch'], reads_everything: false });
    expect(ask).toMatchObject({ deadline_ms: 60_000, from: [{ node: 'large', handle: 'true' }] });
    expect(ask).not.toHaveProperty('attempt_timeout_ms');
    expect(ship).toMatchObject({
      join: 'any',
      on_error: 'continue',
      concurrency: 5,
      each: 'http_request',
      attempt_timeout_ms: 30_000,
      reads: ['fetch'],
    });
  });

  test('explains the published version, a given version, and drafts with their problems', async () => {
    const workflow = await b.publish([value('a')]);
    const draft = [value('a'), value('b', 'steps.nobody.output')];
    await b.developer.rpc('save_workflow', {
      kebab_name: workflow,
      definition: { nodes: draft, edges: edges('a > b') },
    });
    expect((await explained(workflow)).nodes).toHaveLength(1);
    const second = await explained(workflow, 2);
    expect(second).toMatchObject({ status: 'draft', version: 2 });
    expect(second.problems).toMatchObject([
      {
        node: 'b',
        pointer: expect.stringMatching(/^\/nodes\/\d+\/data\/config\/\w+$/),
        code: 'unknown_reference',
      },
    ]);
    const fresh = `t-${randomUUID()}`;
    await b.developer.rpc('save_workflow', {
      kebab_name: fresh,
      definition: { nodes: [value('a')], edges: [] },
    });
    expect((await explained(fresh)).status).toBe('draft');
  });

  test('is refused for unknown workflows and versions, and other applications', async () => {
    const workflow = await b.publish([value('a')]);
    const other = await signedIn('developer@globex');
    const ask = async (args: object, who = b.developer) =>
      codeOf((await who.rpc('explain_workflow', args)) as never);
    expect(await ask({ workflow: 'nobody' })).toBe('SB404 not_found');
    expect(await ask({ workflow, version: 9 })).toBe('SB404 not_found');
    expect(await ask({ workflow }, other)).toBe('SB404 not_found');
    expect(await ask({ workflow }, await signedIn('viewer@acme'))).toBe('none');
  });
});

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
          step: { type: 'child_workflow', config: { workflow: 'nobody' } },
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
    expect((await explained(parent, 2)).problems).toEqual(
      JSON.parse(published.error?.details ?? '{}').errors,
    );
  });

  test('a child by its declared name and a deprecated child give no warning', async () => {
    const child = await b.publish([value('a')]);
    const parent = await b.publish([
      node('call', 'child_workflow', { workflow: 'my child' }),
      node('by-name', 'child_workflow', { workflow: child }),
    ]);
    expect((await explained(parent)).warnings.map(({ node_id }) => node_id)).toEqual(['call']);
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
    expect((await explained(parent)).warnings).toEqual([]);
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
    expect((await explained(owner)).warnings).toEqual([]);
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
      const plan = await explained(kebab_name);
      expect(plan.problems).toEqual([]);
      expect(plan.nodes.length).toBeGreaterThan(0);
    }
  });
});

describe.concurrent('npm run explain', () => {
  test('prints a table, or JSON equal to the result of the RPC', async () => {
    const workflow = await b.publish(ORDER, LINES);
    const [table, json] = await Promise.all([
      command(workflow, '--db-url', b.stack.db_url),
      command(workflow, '--data', b.stack.data_dir, '--app', 'acme', '--json'),
    ]);
    expect(table.err).toBe('');
    expect(table.out).toContain(`${workflow}, version 1 (published), application acme`);
    expect(table.out).toMatch(
      /0 {2}fetch +http_request +start +- +5 s +5 after 1 s, 2 s, 4 s, 8 s, … +secrets shop_key/,
    );
    expect(table.out).toMatch(
      /3 {2}ship +for_each \(http_request\) +any of large:false, ask:approved +fetch +30 s/,
    );
    expect(table.out).toContain('No warnings.');
    const { faults, check: _printed, ...printed } = JSON.parse(json.out) as Plan;
    const { check: _returned, ...returned } = await explained(workflow);
    expect(printed).toEqual(returned);
    expect(faults).toEqual([]);
  });

  test('lists warnings by step', async () => {
    const workflow = await b.publish([value('a', '1', twice)]);
    const { out } = await command(workflow, '--db-url', b.stack.db_url);
    expect(out).toMatch(
      /Warnings:\n {2}a {2}retry_has_no_effect {2}the errors of transform are not retried/,
    );
  });

  test('lists the faults that the checker finds, also in a draft', async () => {
    const workflow = await b.publish([value('a')]);
    await b.developer.rpc('save_workflow', {
      kebab_name: workflow,
      definition: { nodes: [value('a', 'inptu.x'), value('b', '1 +')], edges: edges('a > b') },
    });
    const { out } = await command(workflow, '--db-url', b.stack.db_url, '--version', '2');
    expect(out).toMatch(
      /Faults:\n {2}a {2}\/nodes\/0\/data\/config\/expression {2}unknown_name .*did you mean input\?/,
    );
    expect(out).toMatch(/ {2}b {2}\/nodes\/1\S+ {2}expression_syntax /);
  });

  test('reports an error in one line', async () => {
    const db = ['--db-url', b.stack.db_url];
    const workflow = await b.publish([value('a')]);
    const tries = await Promise.all([
      command('nobody', ...db),
      command('nobody', ...db, '--app', 'acme'),
      command(workflow, ...db, '--version', '7'),
      command(workflow, ...db, '--version', 'x'),
      command(workflow, '--data', '/nowhere'),
      command(workflow, '--db-url', 'postgres://postgres@127.0.0.1:1/postgres'),
      command(...db),
      command(workflow, '--colour'),
    ]);
    expect(tries.map(({ code }) => code)).toEqual(tries.map(() => 1));
    const said = tries.map(({ err }) => err.split('\n')[0]);
    expect(said).toEqual([
      expect.stringMatching(/^explain: there is no workflow nobody \(there are: /),
      expect.stringMatching(/^explain: there is no workflow nobody in the application acme/),
      `explain: workflow ${workflow} has no version 7`,
      'explain: --version must be a whole number, not x',
      expect.stringContaining('explain: no stack is running here'),
      expect.stringContaining('explain: the database cannot be reached'),
      expect.stringMatching(/^explain: usage: /),
      expect.stringContaining('--colour'),
    ]);
    for (const { err } of tries) expect(err).not.toMatch(/^\s+at /m);
  });

  test('durations are formatted in the largest fitting unit', () => {
    expect([500, 1000, 1500, 90_000, 3_600_000, 5_400_000, 86_400_000, 1234].map(duration)).toEqual(
      ['500 ms', '1 s', '1.5 s', '1.5 min', '1 h', '1.5 h', '1 d', '1234 ms'],
    );
  });
});
