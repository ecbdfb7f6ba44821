// What a compiled step does in Temporal: attempts, waits, lists, failures, the end of its run, and the records that the
// bridge reads. The test sends the commands that the database would send.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Version } from '../../functions/_shared/compile/index.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import { type Node, node, value } from '../../tests/engine/support.ts';
import type { Json } from '../records.ts';
import { factsOf } from './history.ts';
import {
  type HostedWorkflows,
  type HostOptions,
  hostWorkflows,
  type PrepareOptions,
} from './host.ts';
import { endsOf, type Started, temporal, version } from './support.ts';

const t = temporal();
let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop?.stop());

async function hosted(
  of: Version,
  work: (host: HostedWorkflows) => Promise<void>,
  more: Partial<HostOptions & PrepareOptions> = {},
): Promise<void> {
  const host = await hostWorkflows({ connection: t.connection, versions: [of], ...more });
  try {
    await work(host);
  } finally {
    await host.stop();
  }
}

/** Resolves when the step waits for a command. */
async function waits(run: Started, step: string): Promise<void> {
  await expect
    .poll(async () => (await run.progress()).steps[step]?.wait, { timeout: 20_000 })
    .toBe('command');
}

async function outputs(run: Started): Promise<Record<string, Json>> {
  const ends = Object.entries(endsOf(await run.progress()));
  return Object.fromEntries(
    ends.flatMap(([id, end]) => (end.status === 'skipped' ? [] : [[id, end.output]])),
  );
}

const call = (path: string, more: object = {}) =>
  ({ url: `${shop.url}${path}`, ...more }) as { [key: string]: Json };

test('a request is retried by attempts of its own, with records of the failed ones', async () => {
  const of = version(
    [
      node('get', 'http_request', call('/flaky/retried?fail=2'), {
        retry: { max_attempts: 3, backoff: 'fixed', delay_ms: 50 },
      }),
      value('next', 'steps.get.output.status + input.more'),
    ],
    ['get > next'],
  );
  await hosted(of, async () => {
    const run = await t.start(of, { more: 1 });
    await run.handle.result();
    expect(await outputs(run)).toMatchObject({ get: { status: 200 }, next: 201 });
    const facts = await factsOf(run.handle);
    expect(facts.map(({ node, attempt, kind }) => [node, attempt, kind])).toEqual([
      ['get', 1, 'scheduled'],
      ['get', 1, 'failed'],
      ['get', 2, 'scheduled'],
      ['get', 2, 'failed'],
      ['get', 3, 'scheduled'],
      ['get', 3, 'completed'],
      ['next', 1, 'completed'],
    ]);
    expect(facts[1]).toMatchObject({ error: { code: 'http_server_error', retryable: true } });
    expect(facts[1]?.retry_at).toMatch(/^\d{4}-/);
  });
});

test('waits end by commands, which may arrive twice, early and while the worker is away', async () => {
  const of = version(
    [
      node('ask', 'wait_for_approval', { title: 'Approve {{ input.id }}?' }),
      node('late', 'wait_for_signal', { signal_name: 'paid' }),
      value('yes', 'steps.ask.output.comment'),
      value('no'),
    ],
    ['ask > late : approved', 'ask > no : rejected', 'late > yes'],
  );
  let run: Started | undefined;
  const approve = {
    ...{ id: 1, kind: 'resolve' as const, node: 'ask', item: 0, attempt: 1 },
    ...{ output: { approved: true, comment: 'fine' }, handle: 'approved' },
  };
  await hosted(of, async () => {
    run = await t.start(of, { id: 7 });
    await waits(run, 'ask/0');
  });
  if (run === undefined) throw new Error('the run did not start');
  await run.send(approve);
  await run.send(approve);
  await run.send({ id: 2, kind: 'resolve', node: 'late', item: 0, attempt: 1, output: { sum: 3 } });
  const { send, handle } = run;
  await hosted(of, async () => {
    await handle.result();
    await expect(send({ ...approve, id: 3 })).rejects.toThrow();
    expect(await outputs(run as Started)).toEqual({
      ...{ ask: approve.output, late: { sum: 3 }, yes: 'fine' },
    });
    const [first] = await factsOf(handle);
    expect(first).toMatchObject({
      ...{ node: 'ask', kind: 'waiting', wait: { kind: 'task', task: { title: 'Approve 7?' } } },
    });
  });
});

test('a refused wait leaves by the error edge, and a delay ends by itself', async () => {
  const of = version(
    [
      node('pause', 'delay', { ms: 300 }),
      node('task', 'user_task', { title: 'Fill in' }),
      value('done'),
      value('failed', 'steps.task.output.error.code'),
    ],
    ['pause > task', 'task > done', 'task > failed : error'],
  );
  await hosted(of, async () => {
    const run = await t.start(of);
    await waits(run, 'task/0');
    const error = { code: 'timeout', message: 'too late' };
    await run.send({ id: 1, kind: 'reject', node: 'task', item: 0, attempt: 1, error });
    await run.handle.result();
    const ends = endsOf(await run.progress());
    expect(ends).toMatchObject({
      pause: { status: 'completed', output: {} },
      task: { status: 'failed', handle: 'error' },
      done: { status: 'skipped' },
      failed: { output: 'timeout' },
    });
    const facts = await factsOf(run.handle);
    expect(facts.filter(({ node }) => node === 'pause').map(({ kind }) => kind)).toEqual([
      ...['waiting', 'completed'],
    ]);
    // The database has written the failure: there is no record of it.
    expect(facts.some(({ node, kind }) => node === 'task' && kind === 'failed')).toBe(false);
  });
});

test('a list runs as many items at a time as it may, in its order', async () => {
  const of = version([
    node('each', 'for_each', {
      items: '{{ input.list }}',
      concurrency: 3,
      step: {
        type: 'http_request',
        config: call('/slow/x?ms=150', {
          method: 'POST',
          body: { n: '{{ item }}', at: '{{ index }}' },
        }),
      },
    }),
  ]);
  await hosted(of, async () => {
    const run = await t.start(of, { list: [5, 4, 3, 2, 1, 0, 9] });
    await run.handle.result();
    const { each } = await outputs(run);
    expect(each).toHaveLength(7);
    const facts = await factsOf(run.handle);
    const starts = facts.filter(({ kind }) => kind === 'scheduled');
    expect(starts.map(({ item }) => item)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    let open = 0;
    let most = 0;
    for (const { node, item, kind } of facts) {
      if (node !== 'each' || item === 0) continue;
      open += kind === 'scheduled' ? 1 : -1;
      most = Math.max(most, open);
    }
    expect(most).toBe(3);
    const bodies = shop.requests.all
      .filter(({ path }) => path === '/slow/x')
      .map(({ body }) => body);
    expect(bodies).toContainEqual({ n: 9, at: 6 });
  });
});

test('an item that fails for good ends the list, and its other items', async () => {
  const of = version(
    [
      node('each', 'for_each', {
        items: [`${shop.url}/slow/left?ms=60000`, `${shop.url}/status/400`],
        step: { type: 'http_request', config: { url: '{{ item }}' } },
      }),
      value('caught', 'steps.each.output.error.item_index'),
    ],
    ['each > caught : error'],
  );
  await hosted(of, async () => {
    const run = await t.start(of);
    await run.handle.result();
    expect(endsOf(await run.progress())).toMatchObject({
      each: { status: 'failed', handle: 'error' },
      caught: { output: 2 },
    });
    // The record of the item is that of the list, too.
    const failed = (await factsOf(run.handle)).filter(({ kind }) => kind === 'failed');
    expect(failed.map(({ node, item }) => [node, item])).toEqual([['each', 2]]);
  });
});

test('a failed run compensates its completed steps, the later ones of the graph first', async () => {
  const undo = (name: string) => ({
    type: 'http_request',
    config: call(`/echo/undo-${name}`, { method: 'DELETE' }),
  });
  const book = (id: string): Node => {
    const made = value(id);
    return { ...made, data: { ...(made.data as object), compensate: undo(id) } as Json };
  };
  const of = version(
    [book('flight'), book('hotel'), value('pay', '$error("no money")'), book('never')],
    ['flight > hotel', 'hotel > pay', 'pay > never'],
  );
  await hosted(of, async () => {
    const run = await t.start(of);
    await run.handle.result();
    expect((await run.progress()).ending).toMatchObject({
      ...{ status: 'failed', error: { step_id: 'pay', code: 'expression_failed' } },
    });
    const undone = shop.requests.all
      .map(({ path }) => path)
      .filter((path) => path.includes('undo'));
    expect(undone).toEqual(['/echo/undo-hotel', '/echo/undo-flight']);
    const items = (await factsOf(run.handle)).filter(({ item }) => item === -1);
    expect(items.map(({ node, kind }) => [node, kind])).toEqual([
      ['hotel', 'scheduled'],
      ['hotel', 'completed'],
      ['flight', 'scheduled'],
      ['flight', 'completed'],
    ]);
  });
});

test('the end of a run reaches the step that executes; a pause holds the next ones', async () => {
  const of = version(
    [node('slow', 'http_request', call('/slow/cancelled?ms=60000')), value('first'), value('next')],
    ['first > next'],
  );
  const ask = version([node('ask', 'user_task', { title: 'Wait' }), value('next')], ['ask > next']);
  await hosted(of, async () => {
    const run = await t.start(of);
    await shop.requests.waitFor(({ path }) => path.startsWith('/slow/cancelled'));
    const error = { code: 'cancelled', message: 'stop' };
    await run.send({ id: 1, kind: 'end', status: 'cancelled', error, compensate: false });
    await run.handle.result();
    expect((await run.progress()).ending).toMatchObject({ status: 'cancelled' });
  });
  await hosted(ask, async () => {
    const run = await t.start(ask);
    await waits(run, 'ask/0');
    await run.send({ id: 1, kind: 'pause' });
    await run.send({ id: 2, kind: 'resolve', node: 'ask', item: 0, attempt: 1, output: 1 });
    await expect.poll(async () => endsOf(await run.progress()).ask?.status).toBe('completed');
    expect(endsOf(await run.progress()).next).toBeUndefined();
    await run.send({ id: 3, kind: 'resume' });
    await run.handle.result();
    expect(endsOf(await run.progress()).next?.status).toBe('completed');
  });
});

test('a cancellation in Temporal is a record for the database', async () => {
  const of = version([node('ask', 'user_task', { title: 'Wait' })]);
  await hosted(of, async () => {
    const run = await t.start(of);
    await waits(run, 'ask/0');
    await run.handle.cancel();
    await run.handle.result().catch(() => {});
    const last = (await factsOf(run.handle)).at(-1);
    expect(last).toMatchObject({ kind: 'ended', status: 'cancelled' });
  });
});

test('a long run continues as new with its steps, waits, retries and early commands', async () => {
  const count = 30;
  const steps = Array.from({ length: count }, (_, at) =>
    value(`s${at}`, at === 0 ? '1' : `steps.s${at - 1}.output + 1`),
  );
  const chain = steps.slice(1).map((_, at) => `s${at} > s${at + 1}`);
  const of = version(
    [
      ...steps,
      node('ask', 'user_task', { title: 'Wait' }),
      node('wait', 'delay', { ms: 2_000 }),
      value('end', `steps.ask.output & steps.s${count - 1}.output`),
      node('each', 'for_each', {
        ...{ items: [1, 2, 3, 4, 5, 6], concurrency: 1 },
        step: { type: 'http_request', config: call('/echo/item-{{ item }}') },
      }),
    ],
    [...chain, `s${count - 1} > end`, 'ask > end', 'wait > end', 'each > end'],
  );
  // A chain of local steps is one workflow task: the limit counts events.
  const edit = (code: string) => code.replace(/\bread: /, 'maxEvents: 25, read: ');
  await hosted(
    of,
    async () => {
      const run = await t.start(of);
      await waits(run, 'ask/0');
      await run.send({ id: 1, kind: 'resolve', node: 'ask', item: 0, attempt: 1, output: 'sum ' });
      await run.handle.result();
      expect(endsOf(await run.progress()).end).toMatchObject({ output: `sum ${count}` });
      const { runId } = await run.handle.describe();
      expect(runId).not.toBe(run.firstRunId);
      const sent = shop.requests.all.filter(({ path }) => path.startsWith('/echo/item-'));
      expect(sent.map(({ path }) => path.at(-1))).toEqual(['1', '2', '3', '4', '5', '6']);
    },
    { edit },
  );
});

test('$now and $random come from the workflow, and every value is in the history', async () => {
  const of = version(
    [
      value('now', '[$now(), $millis(), $now("[Y]")]'),
      value('random', '[$random(), $random()]'),
      node('get', 'http_request', call('/echo/{{ $millis() }}')),
    ],
    ['now > get', 'random > get'],
  );
  await hosted(of, async (host) => {
    const run = await t.start(of);
    await run.handle.result();
    await host.replay([run.handle]);
    const { now, random, get } = await outputs(run);
    const [iso, millis, year] = now as unknown as [string, number, string];
    expect(new Date(millis).toISOString()).toBe(iso);
    expect(iso.startsWith(year)).toBe(true);
    const [one, other] = random as unknown as [number, number];
    expect(one).not.toBe(other);
    expect(JSON.stringify(get)).toMatch(/echo\/\d{13}/);
  });
});

test('what was reported together before or alone has the same commands in a replay, also with queries in between', async () => {
  // `far` is behind ten steps that are skipped, so its command comes later than that of `near` in a race.
  const skipped = Array.from({ length: 10 }, (_, at) => value(`n${at}`));
  const of = version(
    [
      node('choose', 'condition', { expression: '"no"' }),
      value('quick'),
      ...skipped,
      value('far', '"far"'),
      value('near', '"near"'),
      node('last', 'http_request', call('/echo/last')),
    ],
    [
      'choose > n0 : yes',
      ...skipped.slice(1).map((_, at) => `n${at} > n${at + 1}`),
      ...['n9 > far', 'choose > far : no', 'quick > near', 'near > last', 'far > last'],
    ],
  );
  await hosted(of, async (host) => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => t.start(of)));
    await Promise.all(
      runs.map(async (run) => {
        let isOver = false;
        const result = run.handle.result().finally(() => {
          isOver = true;
        });
        // Temporal's SDK ends the task of a query before it reports the results of local activities.
        while (!isOver) await run.progress();
        await result;
        expect(await outputs(run)).toMatchObject({ far: 'far', near: 'near' });
      }),
    );
    await host.replay(runs.map(({ handle }) => handle));
  });
});
