// Flow controls under concurrency: many connections start, admit, pause and end runs at the same time. No worker runs
// in this file: the tests call what a worker calls.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { node, type TestApp, testApp } from './support.ts';

let environment: ChaosEnvironment;
let b: TestApp;

beforeAll(async () => {
  environment = await createChaosEnvironment({ workers: 0, leaseSeconds: 30 });
  b = await testApp(environment.info);
});
afterAll(async () => {
  await environment?.stop();
});

async function controlled(control: Record<string, unknown>): Promise<string> {
  const workflow = await b.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
  await addControl(workflow, control);
  return workflow;
}

async function addControl(workflow: string, control: Record<string, unknown>): Promise<void> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  const { error } = await b.developer
    .from('workflow_flow_controls')
    .insert({ workflow_id: data?.id, ...control });
  if (error) throw new Error(error.message);
}

async function start(workflow: string, input: unknown): Promise<string> {
  const { rows } = await b.db.query<{ id: string }>(
    `select r.id from stepbase.workflows w
     cross join lateral stepbase_engine.start_run('acme', w.published_version_id, $2) r
     where w.kebab_name = $1`,
    [workflow, JSON.stringify(input)],
  );
  return rows[0]?.id ?? '';
}

const admit = () => b.db.query('select stepbase_engine.admit()');
const end = (id: string) =>
  b.db.query("select stepbase_engine.end_runs(array[$1::uuid], 'cancelled', '{}', null, false)", [
    id,
  ]);

/** The open runs of a workflow, and where they are. */
async function places(workflow: string) {
  const { rows } = await b.db.query<{
    id: string;
    key: string;
    status: string;
    slots: number;
    lines: number;
    backlog: number;
    tokens: number;
  }>(
    `select r.id, r.input ->> 'key' as key, r.status,
       (select count(*)::int from stepbase_engine.run_slots s where s.run_id = r.id) as slots,
       (select count(*)::int from stepbase_engine.flow_backlog f where f.run_id = r.id) as lines,
       (select count(*)::int from stepbase_engine.run_backlog f where f.run_id = r.id) as backlog,
       (select count(*)::int from stepbase_queue.job j
        where j.name = 'steps' and j.data ->> 'run_id' = r.id::text) as tokens
     from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
     where w.kebab_name = $1 and r.completed_at is null`,
    [workflow],
  );
  return rows;
}

async function mostSlotsOfKey(): Promise<number> {
  const { rows } = await b.db.query<{ most: number | null }>(
    `select max(s.n)::int as most
     from (select count(*) as n from stepbase_engine.run_slots where is_key group by limit_id) s`,
  );
  return rows[0]?.most ?? 0;
}

test('a key never exceeds its limit, and no slot stays free while a run of its key waits', async () => {
  const limit = 2;
  const workflow = await controlled({
    kind: 'concurrency',
    key_path: '$.key',
    max_count: limit,
  });
  const operation = fc.record({
    kind: fc.constantFrom('start', 'start', 'start', 'end', 'admit', 'pause', 'resume'),
    key: fc.constantFrom('a', 'b', 'c'),
    pick: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(operation, { minLength: 4, maxLength: 12 }), {
        minLength: 4,
        maxLength: 6,
      }),
      async (connections) => {
        const ids: string[] = [];
        const act = async ({ kind, key, pick }: { kind: string; key: string; pick: number }) => {
          const id = ids[pick % Math.max(ids.length, 1)];
          if (kind === 'start') ids.push(await start(workflow, { key }));
          else if (kind === 'admit') await admit();
          else if (id === undefined) return;
          else if (kind === 'end') await end(id);
          // Refused for a run that has ended.
          else await b.developer.rpc(`${kind}_run`, { run_id: id });
          expect(await mostSlotsOfKey()).toBeLessThanOrEqual(limit);
        };
        await Promise.all(
          connections.map(async (operations) => {
            for (const one of operations) await act(one);
          }),
        );
        for (const id of ids) await b.developer.rpc('resume_run', { run_id: id });
        for (let left = await places(workflow); left.length > 0; left = await places(workflow)) {
          await admit();
          const open = await places(workflow);
          expect(await mostSlotsOfKey()).toBeLessThanOrEqual(limit);
          for (const run of open) {
            expect(run, JSON.stringify(run)).toMatchObject({
              status: 'pending',
              slots: 1 - run.lines,
              backlog: 0,
            });
            if (run.lines === 0) expect(run.tokens).toBeGreaterThan(0);
          }
          for (const key of ['a', 'b', 'c']) {
            const runs = open.filter((run) => run.key === key);
            const admitted = runs.filter((run) => run.slots === 1);
            expect(admitted).toHaveLength(Math.min(runs.length, limit));
          }
          for (const run of open.filter(({ slots }) => slots === 1)) await end(run.id);
        }
        const { rows } = await b.db.query('select from stepbase_engine.run_slots');
        expect(rows).toEqual([]);
      },
    ),
    { numRuns: 4 },
  );
});

test('a change of a flow control that is not committed yet holds up no admission', async () => {
  const workflow = await controlled({ kind: 'concurrency', key_path: '$.key', max_count: 1 });
  const other = await controlled({ kind: 'concurrency', max_count: 1 });
  const ids = [await start(workflow, { key: 'a' }), await start(workflow, { key: 'a' })];
  const [changing, admitting] = await Promise.all([b.db.connect(), b.db.connect()]);
  try {
    await changing.query('begin');
    await changing.query(
      `update stepbase.workflow_flow_controls c set key_path = '$.other' from stepbase.workflows w
       where w.id = c.workflow_id and w.kebab_name = $1`,
      [workflow],
    );
    const free = await start(other, {});
    // Fails with 55P03 if it waits for the change.
    await admitting.query("begin; set local lock_timeout = '1s'");
    await admitting.query('select stepbase_engine.admit()');
    await admitting.query('commit');
    expect((await places(other)).map(({ id, lines }) => [id, lines])).toEqual([[free, 0]]);
    await changing.query('commit');
    await end(free);
  } finally {
    changing.release();
    admitting.release();
  }
  // The change applies afterwards: both runs have the empty key.
  await admit();
  expect((await places(workflow)).map(({ slots, lines }) => slots + lines)).toEqual([1, 1]);
  for (const id of ids) await end(id);
  expect((await b.db.query('select from stepbase_engine.flow_changes')).rows).toEqual([]);
});

test('a throttle lets no start too many pass, however many connections start and admit', async () => {
  // One start in 1,000 s and two in advance.
  const workflow = await controlled({
    kind: 'throttle',
    key_path: '$.key',
    max_count: 36,
    period_seconds: 36_000,
    burst: 3,
  });
  const passed = async (key: string) =>
    (await places(workflow)).filter((run) => run.key === key && run.lines === 0);
  await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      await start(workflow, { key: i % 3 === 0 ? 'a' : 'b' });
      await Promise.all([admit(), admit()]);
    }),
  );
  await admit();
  expect(await passed('a')).toHaveLength(3);
  expect(await passed('b')).toHaveLength(3);
  for (const more of [1, 2]) {
    await b.advance('1000 seconds');
    await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        i % 2 === 0 ? b.db.query('select stepbase_engine.wake()') : admit(),
      ),
    );
    expect(await passed('a')).toHaveLength(3 + more);
    expect(await passed('b')).toHaveLength(3 + more);
  }
  const started = (await passed('a')).map(({ id }) => id).sort();
  const { rows: oldest } = await b.db.query<{ id: string }>(
    `select r.id from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
     where w.kebab_name = $1 and r.input ->> 'key' = 'a' order by r.created_at, r.id limit 3`,
    [workflow],
  );
  expect(started).toEqual(expect.arrayContaining([oldest[0]?.id]));
});

test('a run takes the slot of its key before it is throttled, so a key cannot fill the throttle', async () => {
  const workflow = await controlled({ kind: 'concurrency', key_path: '$.key', max_count: 1 });
  await addControl(workflow, { kind: 'throttle', max_count: 1, period_seconds: 1000 });
  for (const key of ['busy', 'busy', 'busy', 'calm']) await start(workflow, { key });
  await admit();
  const slots = (await places(workflow)).filter((run) => run.slots === 1);
  expect(slots.map(({ key, lines }) => [key, lines]).sort()).toEqual([
    ['busy', 0],
    ['calm', 1],
  ]);
  await b.advance('1000 seconds');
  await b.db.query('select stepbase_engine.wake()');
  expect(
    (await places(workflow))
      .filter((run) => run.tokens > 0)
      .map(({ key }) => key)
      .sort(),
  ).toEqual(['busy', 'calm']);
});

test('a rate limit lets no start too many pass, however many connections start', async () => {
  const workflow = await controlled({
    kind: 'rate_limit',
    key_path: '$.key',
    max_count: 3,
    period_seconds: 30_000,
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 24 }, (_, i) => start(workflow, { key: i % 2 === 0 ? 'a' : 'b' })),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused).toHaveLength(18);
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(
    Array(18).fill('SB429'),
  );
  expect((await places(workflow)).map(({ key }) => key).sort()).toEqual([
    ...Array(3).fill('a'),
    ...Array(3).fill('b'),
  ]);
});

const inputsOf = async (workflow: string) => {
  const { rows } = await b.db.query<{ id: string; input: Record<string, unknown>; held: boolean }>(
    `select r.id, r.input, r.held_by is not null as held
     from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
     where w.kebab_name = $1 order by r.created_at, r.id`,
    [workflow],
  );
  return rows;
};

test('of concurrent starts a debounce makes one run, with the input of one of them', async () => {
  const workflow = await controlled({ kind: 'debounce', key_path: '$.key', period_seconds: 600 });
  for (const round of [1, 2, 3]) {
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, n) => start(workflow, { key: 'a', n: round * 100 + n })),
    );
    const last = await start(workflow, { key: 'a', n: round });
    // A release that is under way at the same time must not leave a start without a run.
    expect(new Set([...ids, last]).size).toBe(1);
    await b.advance('601 seconds');
    const [, late] = await Promise.all([
      b.db.query('select stepbase_engine.wake()'),
      start(workflow, { key: 'a', n: -round }),
    ]);
    await b.advance('601 seconds');
    await b.db.query('select stepbase_engine.wake()');
    const runs = await inputsOf(workflow);
    const own = runs.filter(({ id }) => id === last || id === late);
    expect(own.map(({ held }) => held)).toEqual(own.map(() => false));
    // Either the late start replaced the input in time, or it has a run of its own.
    const inputs = own.map(({ input }) => input.n);
    expect(inputs).toEqual(late === last ? [-round] : [round, -round]);
    for (const { id } of own) await end(id);
  }
});

test('each item of a batch is in exactly one run', async () => {
  const workflow = await controlled({
    kind: 'batch',
    key_path: '$.key',
    max_count: 4,
    timeout_seconds: 600,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ key: fc.constantFrom('a', 'b'), again: fc.boolean(), release: fc.boolean() }),
        { minLength: 8, maxLength: 24 },
      ),
      async (starts) => {
        const before = (await inputsOf(workflow)).length;
        await Promise.all(
          starts.map(async ({ key, again, release }, n) => {
            const item = { key, n };
            const startWithKey = () =>
              b.db.query(
                `select stepbase_engine.start_run('acme', w.published_version_id, $2, p_idempotency_key => $3)
                 from stepbase.workflows w where w.kebab_name = $1`,
                [workflow, JSON.stringify(item), `${workflow}-${before}-${n}`],
              );
            await startWithKey();
            if (again) await startWithKey();
            if (release) {
              await b.advance('601 seconds');
              await b.db.query('select stepbase_engine.wake()');
            }
          }),
        );
        await b.advance('601 seconds');
        await b.db.query('select stepbase_engine.wake()');
        const runs = (await inputsOf(workflow)).slice(before);
        expect(runs.filter(({ held }) => held)).toEqual([]);
        const batches = runs.map(({ input }) => input.items as { key: string; n: number }[]);
        for (const items of batches) {
          expect(items.length).toBeLessThanOrEqual(4);
          expect(new Set(items.map(({ key }) => key)).size).toBe(1);
        }
        const numbers = batches
          .flat()
          .map(({ n }) => n)
          .sort((x, y) => x - y);
        expect(numbers).toEqual(starts.map((_, n) => n));
        for (const { id } of runs) await end(id);
      },
    ),
    { numRuns: 6 },
  );
  const { rows } = await b.db.query('select from stepbase_engine.batch_items');
  expect(rows).toEqual([]);
});
