// Histories of Temporal: a long run has several, and none of its steps is lost or doubled where one continues another,
// while the bridge and the workers are killed. No history has a large output, a secret or a key.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { scaled } from '../../../scripts/test/time.ts';
import { plain } from '../../../tests/engine/random-graphs.ts';
import { type Ended, type Node, node, type Run, value } from '../../../tests/engine/support.ts';
import { waitFor } from '../../../tests/support/stack.ts';
import type { Json } from '../../../types/database.ts';
import { executionsOf, largestPayload, textOf } from '../history.ts';
import { temporal } from '../support.ts';
import { bridgeTest, startBridge } from './support.ts';

const t = bridgeTest();
const cluster = temporal();
/** The shop answers the items of a list up to this one. */
let isOpenUpTo = 6;
let release = () => {};
let changed = Promise.resolve();
let shop: Shop;

function openUpTo(item: number): void {
  isOpenUpTo = item;
  release();
  changed = new Promise((resolve) => {
    release = resolve;
  });
}

beforeAll(async () => {
  openUpTo(isOpenUpTo);
  shop = await startShop(0, async ({ path }) => {
    const item = Number(/^\/echo\/item-(\d+)$/.exec(path)?.[1] ?? 0);
    while (item > isOpenUpTo) await changed;
  });
});
afterAll(() => shop?.stop());

const ITEMS = 18;

/** Where its history is mirrored. */
async function positionOf(run: { id: string }) {
  const { data, error } = await t.app.developer
    .from('temporal_runs')
    .select('temporal_run_id, last_event_id, problem, closed_at')
    .eq('run_id', run.id)
    .maybeSingle();
  if (error) throw new Error(error.message);
  // A run that was not admitted yet has none.
  return data ?? { temporal_run_id: null, last_event_id: 0, problem: null, closed_at: null };
}

const executionOf = async (run: Run) =>
  (await cluster.client.workflow.getHandle(run.id).describe()).runId;

/** The output of a step as members read it by the API. */
async function outputOf(run: Run, step: string): Promise<unknown> {
  const { data } = await t.app.developer.auth.getSession();
  const response = await fetch(`${t.info.functions.api}/v1/runs/${run.id}/steps/${step}/output`, {
    headers: { authorization: `Bearer ${data.session?.access_token}` },
  });
  return ((await response.json()) as { output: unknown }).output;
}

/** What happened to each step, as often as it happened, in any order. */
async function factsOf(run: Run): Promise<string[]> {
  const { data, error } = await t.app.developer
    .from('run_events')
    .select('event_type, step_id, item_index, attempt')
    .eq('run_id', run.id)
    .in('event_type', ['step.completed', 'step.failed', 'step.skipped', 'run.completed']);
  if (error) throw new Error(error.message);
  return data.map((event) => Object.values(event).join(' ')).sort();
}

/** Steps, waits and a list that take several histories. `child`: a workflow. */
function long(child: string): { nodes: Node[]; lines: string[] } {
  const count = 12;
  const chain = Array.from({ length: count }, (_, at) =>
    value(`s${at}`, at === 0 ? 'input.n' : `steps.s${at - 1}.output + 1`),
  );
  const before = [
    ...chain,
    value('big', '$pad("", 300000, "é")'),
    node('ask', 'wait_for_approval', { title: 'Go?' }),
    node('hear', 'wait_for_signal', { signal_name: 'go' }),
    node('child', 'child_workflow', { workflow: child, input: {}, wait: true }),
    node('pause', 'delay', { ms: 3_000 }),
    value('tries', '$error("no")', {
      retry: { max_attempts: 4, backoff: 'fixed', delay_ms: 700 },
      on_error: 'continue',
    }),
    node('each', 'for_each', {
      items: Array.from({ length: ITEMS }, (_, at) => at + 1),
      concurrency: 2,
      step: {
        type: 'http_request',
        config: { method: 'POST', url: `${shop.url}/echo/item-{{ item }}?run={{ run.id }}` },
      },
    }),
  ];
  const last = value(
    'last',
    `{
      "sum": steps.s${count - 1}.output, "size": $length(steps.big.output), "child": steps.child.output.z,
      "items": $count(steps.each.output), "heard": steps.hear.output.n, "error": steps.tries.output.error.code
    }`,
  );
  const ends = ['big', 'hear', 'child', 'pause', 'tries', 'each', `s${count - 1}`];
  return {
    nodes: [...before, last, value('no')],
    lines: [
      ...chain.slice(1).map((_, at) => `s${at} > s${at + 1}`),
      ...ends.map((id) => `${id} > last`),
      'ask > last : approved',
      'ask > no : rejected',
    ],
  };
}

test(
  'a long run continues in further histories while the bridge and the workers are killed, and is whole',
  async () => {
    const inTemporal = await t.publishOnly({ nodes: [value('z', '"from the child"')] });
    const child = inTemporal.names[0] ?? '';
    const drawn = long(child);
    const { names, startWorkers } = await t.publishOnly({ ...drawn, maxEvents: 25 });
    const starters = [inTemporal.startWorkers, startWorkers];
    const start = async () => await Promise.all([startBridge(t.env), ...starters.map((s) => s())]);
    const approve = async (run: Run) => {
      const task = await t.app.stepIs(run.id, 'ask', 'waiting');
      const decided = await t.app.admin.rpc('decide_approval', {
        step_run_id: task.id,
        approved: true,
      });
      expect(decided.error).toBeNull();
    };
    const signal = async (run: Run) => {
      const sent = await t.app.developer.rpc('send_signal', {
        ...{ run_id: run.id, signal_name: 'go', payload: { n: 5 } },
      });
      expect(sent.error).toBeNull();
    };

    let [bridge, ...workers] = await start();
    const runs = await Promise.all([1, 2].map((n) => t.start(names[0] ?? '', { n })));
    const firsts = await Promise.all(
      runs.map((run) =>
        waitFor(
          'the run is mirrored',
          async () => (await positionOf(run)).temporal_run_id ?? undefined,
          60_000,
        ),
      ),
    );
    const sent = async (run: Run, item: number) =>
      await shop.requests.waitFor(
        ({ path, query }) => path === `/echo/item-${item}` && query.run === run.id,
        120_000,
      );
    // In the middle of an item, and behind a history that continued. A full history may hold the item beside it.
    await Promise.all(runs.map((run) => sent(run, 7)));
    for (const run of runs) {
      await waitFor(
        'another history is mirrored',
        async () => !firsts.includes((await positionOf(run)).temporal_run_id),
        60_000,
      );
    }
    await Promise.all([bridge.kill(), ...workers.map((of) => of.kill())]);
    await Promise.all(runs.map(approve));
    [bridge, ...workers] = await start();
    // The workers continue in a further history while there is no bridge.
    await bridge.kill();
    openUpTo(12);
    await Promise.all(runs.map((run) => sent(run, 13)));
    for (const run of runs) {
      expect(await executionOf(run)).not.toBe((await positionOf(run)).temporal_run_id);
    }
    await Promise.all(runs.map(signal));
    await Promise.all(workers.map((of) => of.kill()));
    [bridge, ...workers] = await start();
    openUpTo(ITEMS);

    const ended = await Promise.all(runs.map((run) => t.ended(run)));
    const other = await t.app.publish(drawn.nodes, drawn.lines);
    const alike = await Promise.all([1, 2].map((n) => t.app.start(other, { n })));
    await Promise.all(alike.flatMap((run) => [approve(run), signal(run)]));
    for (const [at, run] of runs.entries()) {
      const { run: end, statuses, all } = ended[at] as Ended;
      expect(end).toMatchObject({
        status: 'completed',
        output: {
          last: {
            ...{ sum: at + 1 + 11, size: 300_000, child: 'from the child', items: ITEMS },
            ...{ heard: 5, error: 'expression_failed' },
          },
        },
      });
      // The same as on the workers of Stepbase: each step and each attempt once.
      const reference = await t.app.ended((alike[at] as Run).id, 60_000);
      expect(statuses).toEqual(reference.statuses);
      expect(await factsOf(run)).toEqual(await factsOf(alike[at] as Run));
      expect(
        all.map(({ step_id, item_index, attempt, status }) => [
          step_id,
          item_index,
          attempt,
          status,
        ]),
      ).toEqual(
        reference.all.map(({ step_id, item_index, attempt, status }) => [
          step_id,
          item_index,
          attempt,
          status,
        ]),
      );
      // The reference and the answers contain the id of their run.
      const shown = (of: Ended['run']) =>
        plain({ ...(of.context as object), big: null, each: null });
      expect(shown(end)).toEqual(shown(reference.run));
      expect(await outputOf(run, 'big')).toBe('é'.repeat(300_000));
      expect(end.context.each).toHaveLength(ITEMS);
      // An item whose worker was killed was sent again, with the same key.
      const keys = shop.requests.all
        .filter(({ query }) => query.run === run.id)
        .map(({ headers }) => headers['idempotency-key']);
      expect(new Set(keys).size).toBe(ITEMS);
      // Temporal has all of its histories, and the position is at the end of the last one.
      const executions = await executionsOf(cluster.client, run.id, firsts[at] ?? '');
      expect(executions.length).toBeGreaterThanOrEqual(4);
      const last = executions.at(-1);
      const position = await waitFor('the history is closed', async () => {
        const found = await positionOf(run);
        return found.closed_at === null ? undefined : found;
      });
      expect(position).toMatchObject({
        temporal_run_id: last?.runId,
        last_event_id: Number(last?.events.at(-1)?.eventId),
        problem: null,
      });
    }
    const { data: counted } = await t.app.developer
      .from('temporal_runs')
      .select('workflow_compilations(execution_count, avg_execution_duration_ms)')
      .eq('run_id', runs[0]?.id ?? '')
      .single<{
        workflow_compilations: { execution_count: number; avg_execution_duration_ms: number };
      }>();
    expect(counted?.workflow_compilations.execution_count).toBe(2);
    expect(counted?.workflow_compilations.avg_execution_duration_ms).toBeGreaterThan(3_000);
    expect(await Promise.all([...workers, bridge].map((of) => of.stop()))).toEqual([0, 0, 0]);
  },
  scaled(400_000),
);

test('large outputs travel by reference, and no payload has one of them, a secret or a key', async () => {
  const stored = 'stored-secret-of-acme';
  const given = 'given-secret-of-acme';
  t.workerEnv.STEPBASE_SECRET_ACME__GIVEN = given;
  const made = await t.app.admin.rpc('set_secret', {
    ...{ name: 'stored', value: stored, allowed_hosts: ['127.0.0.1'] },
  });
  expect(made.error).toBeNull();
  const lines = (count: number, name: string) =>
    Array.from({ length: count }, (_, at) => `${name} ${at}`).join('\n');
  /** Code has a second otherwise, which a busy machine needs. */
  const patient = { timeout_ms: 10_000 };
  const code = (count: number, name: string) =>
    `() => Array.from({ length: ${count} }, (_, at) => "${name} " + at).join("\\n")`;
  const load = (path: string): { [key: string]: Json } => ({
    url: `${shop.url}${path}`,
    headers: { authorization: 'Bearer {{ secrets.stored }}', 'x-key': '{{ secrets.given }}' },
    max_response_bytes: 8_000_000,
  });
  const child = await t.publish({
    nodes: [node('z', 'inline_code', { code: code(50_000, 'child') }, patient)],
  });
  const { names } = await t.publish({
    nodes: [
      node('fetched', 'http_request', load('/large/fetched?bytes=3000000')),
      node('local', 'inline_code', { code: code(200_000, 'local') }, patient),
      node('child', 'child_workflow', { workflow: child.names[0] ?? '', input: {}, wait: true }),
      node('each', 'for_each', {
        items: [1, 2, 3, 4],
        step: { type: 'http_request', config: load('/large/{{ item }}?bytes=600000') },
      }),
      // Its config has the whole value, and so has the answer.
      node('send', 'http_request', {
        ...load('/echo/sent'),
        ...{ method: 'POST', body: { text: '{{ steps.local.output }}' } },
      }),
      value(
        'sizes',
        `[
          $length(steps.fetched.output.body), $length(steps.local.output), $length(steps.child.output.z),
          $sum(steps.each.output.$length(body)), $length(steps.send.output.body.body.text)
        ]`,
      ),
    ],
    lines: [...['fetched', 'local', 'child', 'each'].map((id) => `${id} > send`), 'send > sizes'],
  });
  const bridge = await startBridge(t.env);
  const run = await t.start(names[0] ?? '');
  const { run: ended } = await t.ended(run);
  const local = lines(200_000, 'local');
  expect(ended.error).toBeNull();
  expect(ended.output).toEqual({
    sizes: [3_000_000, local.length, lines(50_000, 'child').length, 2_400_000, local.length],
  });
  expect(await outputOf(run, 'local')).toBe(local);
  expect(await outputOf(run, 'fetched')).toMatchObject({ body: 'x'.repeat(3_000_000) });
  const request = await shop.requests.waitFor(({ path }) => path === '/echo/sent');
  expect(request.body).toEqual({ text: local });
  expect(request.headers).toMatchObject({ authorization: `Bearer ${stored}`, 'x-key': given });
  const { runId } = await cluster.client.workflow.getHandle(run.id).describe();
  const [{ events } = { events: [] }] = await executionsOf(cluster.client, run.id, runId);
  expect(largestPayload(events)).toBeLessThan(262_144);
  const text = textOf(events);
  expect(text).toContain('"$stepbase":"storage"');
  expect(text).toContain('secrets.stored');
  for (const kept of ['local 1', 'child 1', 'xxxxxxxx', stored, given, t.info.secret_key]) {
    expect(text).not.toContain(kept);
  }
  const password = new URL(t.env.DATABASE_URL ?? '').password;
  expect(password).not.toBe('');
  expect(text).not.toContain(decodeURIComponent(password));
  expect(await bridge.stop()).toBe(0);
});

test('what is too large for one message of Temporal is read from the database, also in the next history', async () => {
  const count = 12;
  const each = node('each', 'for_each', {
    items: Array.from({ length: count }, (_, at) => at),
    concurrency: 3,
    step: {
      type: 'http_request',
      config: { url: `${shop.url}/large/{{ item }}?bytes=200000` },
    },
  });
  const sum = (id: string) =>
    node(id, 'http_request', {
      url: `${shop.url}/echo/${id}?sum={{ $sum(steps.each.output.$length(body)) }}`,
    });
  const { names } = await t.publish(
    {
      nodes: [each, sum('one'), sum('two'), value('local', '$count(steps.each.output)')],
      lines: ['each > one', 'one > two', 'two > local'],
      maxEvents: 30,
    },
    // The list itself travels, and cannot.
    {
      nodes: [
        value('made', '[1..120].{ "n": $, "text": $pad("", 10000, "y") }'),
        node('each', 'for_each', {
          items: '{{ steps.made.output }}',
          step: { type: 'transform', config: { expression: 'item.n' } },
        }),
        value('caught', 'steps.each.output.error.code'),
      ],
      lines: ['made > each', 'each > caught : error'],
    },
  );
  const bridge = await startBridge(t.env);
  const [run, refused] = await Promise.all(names.map((name) => t.start(name)));
  if (run === undefined || refused === undefined) throw new Error('a run did not start');
  const first = await waitFor(
    'the run is mirrored',
    async () => (await positionOf(run)).temporal_run_id ?? undefined,
    60_000,
  );
  const { run: ended } = await t.ended(run);
  expect(ended).toMatchObject({ status: 'completed', output: { local: count } });
  expect(ended.context).toMatchObject({
    one: { body: { query: { sum: '2400000' } } },
    two: { body: { query: { sum: '2400000' } } },
  });
  // A rerun takes the list over.
  const rerun = await t.app.developer
    .rpc('rerun', { run_id: run.id, from_step: 'two' })
    .single<{ id: string }>();
  if (rerun.error) throw new Error(rerun.error.message);
  expect((await t.ended(rerun.data)).run).toMatchObject({
    ...{ status: 'completed', output: { local: count } },
    context: { two: { body: { query: { sum: '2400000' } } } },
  });
  const executions = await executionsOf(cluster.client, run.id, first);
  expect(executions.length).toBeGreaterThan(1);
  for (const { events } of executions) expect(largestPayload(events)).toBeLessThan(2_000_000);
  expect((await t.ended(refused)).run).toMatchObject({
    status: 'completed',
    output: { caught: 'output_too_large' },
  });
  expect(await bridge.stop()).toBe(0);
});
