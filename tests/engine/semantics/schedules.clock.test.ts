// Schedules start runs by the engine's clock. These tests move the clock, so they run one after the other
// on a stack of their own.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import type { Database } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { node, type Run, type TestApp, testApp, value } from '../support.ts';

type Tables = Database['stepbase']['Tables'];
type Schedule = Tables['workflow_schedules']['Row'];

let b: TestApp;
let stack: Stack;
beforeAll(async () => {
  stack = await startThrowawayStack({ web: false });
  b = await testApp(stack.info);
  // The tests move the clock by months. Retention, each ten seconds of real time, would delete their runs meanwhile.
  await b.db.query(
    'update stepbase.applications set run_retention_days = 36500, event_retention_days = 36500',
  );
});
afterAll(() => stack?.stop());
afterEach(async () => {
  await b.admin.from('workflow_schedules').delete().neq('name', '');
});

const double = value('double', 'input.n * 2');
const needsNumber = {
  type: 'object',
  required: ['n'],
  properties: { n: { type: 'number' } },
};

type Wanted = Omit<Tables['workflow_schedules']['Insert'], 'workflow_id'>;

/** Creates a schedule, by default with a workflow of its own; resolves when it has its next time. */
async function schedule(wanted: Wanted, workflow?: string): Promise<Schedule> {
  const name = workflow ?? (await b.publish([double], [], { input_schema: needsNumber }));
  const found = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', name)
    .single<{ id: string }>();
  if (found.error) throw found.error;
  const made = await b.developer
    .from('workflow_schedules')
    .insert({ name: 'test', input: { n: 1 }, ...wanted, workflow_id: found.data.id })
    .select()
    .single<Schedule>();
  if (made.error) throw made.error;
  return wanted.is_enabled === false ? made.data : await planned(made.data.id);
}

async function read(id: string): Promise<Schedule> {
  const { data, error } = await b.developer
    .from('workflow_schedules')
    .select()
    .eq('id', id)
    .single<Schedule>();
  if (error) throw error;
  return data;
}

/** Resolves with the schedule when it meets the condition. */
const becomes = (id: string, what: string, is: (schedule: Schedule) => boolean) =>
  waitFor(`the schedule ${what}`, async () => {
    const schedule = await read(id);
    return is(schedule) && schedule;
  });

const planned = (id: string) =>
  becomes(id, 'is planned', (s) => s.next_run_at !== null || s.finished_at !== null);

/** Resolves when the schedule has started this many runs and they have ended, so the clock can move. */
async function counts(id: string, runs: number): Promise<Schedule> {
  const schedule = await becomes(id, `has started ${runs}`, (s) => s.runs_started === runs);
  await ended(id);
  return schedule;
}

async function change(id: string, changes: Tables['workflow_schedules']['Update']): Promise<void> {
  const { error } = await b.developer.from('workflow_schedules').update(changes).eq('id', id);
  if (error) throw error;
}

async function runsOf(id: string): Promise<Run[]> {
  const { data, error } = await b.developer
    .from('runs')
    .select()
    .eq('metadata->>schedule_id', id)
    .order('created_at')
    .overrideTypes<Run[], { merge: false }>();
  if (error) throw error;
  return data;
}

/** All runs of the schedule, ended and audited. */
async function ended(id: string): Promise<Run[]> {
  const runs = await runsOf(id);
  await Promise.all(runs.map((run) => b.ended(run.id)));
  return await runsOf(id);
}

async function now(): Promise<number> {
  const { rows } = await b.db.query<{ at: Date }>('select stepbase_engine.now() as at');
  return rows[0]?.at.getTime() ?? 0;
}

/** Moves the clock to a moment, or to just after the next time of the schedule. */
async function moveTo(moment: string | null): Promise<void> {
  const ms = Date.parse(moment ?? '') - (await now());
  expect(ms, `${moment} is still to come`).toBeGreaterThan(0);
  await b.advance(`${ms + 500} milliseconds`);
}

const minutesPast = (moment: string | null) => new Date(moment ?? '').getUTCMinutes();

describe('cron', () => {
  test('starts the published version with its input at every due time', async () => {
    const made = await schedule({ cron_expression: '*/15 * * * *', input: { n: 21 } });
    expect(made.finished_at).toBeNull();
    expect(minutesPast(made.next_run_at) % 15).toBe(0);
    await moveTo(made.next_run_at);
    const once = await counts(made.id, 1);
    await moveTo(once.next_run_at);
    const twice = await counts(made.id, 2);
    const [first, second, ...more] = await ended(made.id);
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      status: 'completed',
      trigger_type: 'schedule',
      input: { n: 21 },
      output: { double: 42 },
      created_by: made.created_by,
      metadata: { schedule_id: made.id },
    });
    expect([first, second].map((run) => run?.metadata)).toMatchObject([
      { scheduled_at: made.next_run_at },
      { scheduled_at: once.next_run_at },
    ]);
    const apart = Date.parse(twice.next_run_at ?? '') - Date.parse(once.next_run_at ?? '');
    expect(apart).toBe(15 * 60_000);
    expect(twice).toMatchObject({ last_error: null, last_run_at: expect.any(String) });
  });

  test('follows its time zone through both changes to and from daylight saving time', async () => {
    const night = await schedule({ cron_expression: '30 2 * * *', timezone: 'Europe/Berlin' });
    const year = new Date(await now()).getUTCFullYear() + 1;
    // The last Sunday of the month, when the clocks of Europe change at 01:00 UTC.
    const sunday = (month: number) => {
      const last = new Date(Date.UTC(year, month, 0));
      return Date.UTC(year, month - 1, last.getUTCDate() - last.getUTCDay());
    };
    const at = (day: number, time: string) =>
      `${new Date(day).toISOString().slice(0, 10)}T${time}Z`;
    const DAY = 86_400_000;
    let runs = 0;
    for (const [month, before, on, after] of [
      // 02:30 does not exist: it runs at the jump. 02:30 comes twice: it runs at the first.
      [3, '01:30:00', '01:00:00', '00:30:00'],
      [10, '00:30:00', '00:30:00', '01:30:00'],
    ] as const) {
      const day = sunday(month);
      // No worker ran for several days: one run.
      await moveTo(at(day - 2 * DAY, '12:00:00'));
      runs += 1;
      const expected = [at(day - DAY, before), at(day, on), at(day + DAY, after)];
      for (const time of expected) {
        const { next_run_at } = await counts(night.id, runs);
        expect(Date.parse(next_run_at ?? '')).toBe(Date.parse(time));
        await moveTo(next_run_at);
        runs += 1;
      }
      await counts(night.id, runs);
    }
    expect((await ended(night.id)).map(({ status }) => status)).toEqual(
      Array(runs).fill('completed'),
    );
  });

  test('times that were missed without a worker start one run', async () => {
    const made = await schedule({ cron_expression: '* * * * *' });
    await b.advance('3 hours');
    const { next_run_at } = await counts(made.id, 1);
    expect(Date.parse(next_run_at ?? '')).toBeGreaterThan(await now());
    await moveTo(next_run_at);
    await counts(made.id, 2);
    expect(await ended(made.id)).toHaveLength(2);
  });

  test('two workers start one run', async () => {
    const made = await schedule({ cron_expression: '0 * * * *' });
    // The worker of the stack gets no notification.
    const client = await b.db.connect();
    try {
      await client.query('begin');
      await client.query("select stepbase_engine.advance_clock('2 hours')");
      const { rows } = await client.query('select * from stepbase_engine.due_schedules()');
      await client.query('commit');
      // By the engine's clock, which other tests have moved: a time that is past would start another run.
      const next = new Date((await now()) + 9e9);
      const answers = rows.map((row) => ({
        ...row,
        times: [row.scheduled_at],
        next_times: [next],
      }));
      await Promise.all(
        Array.from({ length: 5 }, () =>
          b.db.query('select stepbase_engine.fire_schedules($1)', [JSON.stringify(answers)]),
        ),
      );
    } finally {
      client.release();
    }
    await counts(made.id, 1);
    expect(await ended(made.id)).toHaveLength(1);
  });
});

describe('a start while the previous run is open', () => {
  const approval = node('ask', 'wait_for_approval', { title: 'Go?' });

  /** A schedule whose runs stay open until they are cancelled, due once. */
  async function open(overlap_policy: string): Promise<Schedule> {
    const workflow = await b.publish([approval]);
    const made = await schedule({ cron_expression: '*/10 * * * *', overlap_policy }, workflow);
    await moveTo(made.next_run_at);
    return await becomes(made.id, 'has started one', (s) => s.runs_started === 1);
  }

  const outcomes = async (id: string) => {
    const { data } = await b.developer
      .from('schedule_runs')
      .select('outcome, detail')
      .eq('schedule_id', id)
      .order('scheduled_at');
    return data?.map(({ outcome, detail }) => (detail ? `${outcome}: ${detail}` : outcome));
  };

  test('queue starts one run when the open one ends, through the relay', async () => {
    const first = await open('queue');
    for (const expected of ['queued', 'skipped: queue_full']) {
      const { next_run_at } = await read(first.id);
      await moveTo(next_run_at);
      await becomes(first.id, 'has its next time', (s) => s.next_run_at !== next_run_at);
      expect((await outcomes(first.id))?.at(-1)).toBe(expected);
    }
    const [run] = await runsOf(first.id);
    await b.developer.rpc('cancel_run', { run_id: run?.id });
    await becomes(first.id, 'has started the queued run', (s) => s.runs_started === 2);
    expect(await outcomes(first.id)).toEqual(['started', 'started', 'skipped: queue_full']);
  });

  test('cancel_previous ends it, and skip starts none', async () => {
    const replaced = await open('cancel_previous');
    await moveTo(replaced.next_run_at);
    await becomes(replaced.id, 'has started two', (s) => s.runs_started === 2);
    expect((await runsOf(replaced.id)).map(({ status }) => status)[0]).toBe('cancelled');
    await change(replaced.id, { overlap_policy: 'skip' });
    const { next_run_at } = await read(replaced.id);
    await moveTo(next_run_at);
    await becomes(replaced.id, 'has its next time', (s) => s.next_run_at !== next_run_at);
    expect(await outcomes(replaced.id)).toEqual(['started', 'started', 'skipped: overlap']);
  });
});

test('after an outage, missed times start runs within the catch-up window, with their jitter', async () => {
  const made = await schedule({
    cron_expression: '0 * * * *',
    catchup_window_seconds: 4 * 3600,
    jitter_seconds: 60,
  });
  expect(made.next_times).toHaveLength(10);
  const planned = made.next_times.map((time) => Date.parse(time));
  expect(Date.parse(made.next_run_at ?? '') - (planned[0] ?? 0)).toBeLessThan(60_000);
  await moveTo(new Date((planned[7] ?? 0) + 1_800_000).toISOString());
  // Eight times have passed; the first four are older than the window and the jitter.
  await counts(made.id, 4);
  const { data } = await b.developer
    .from('schedule_runs')
    .select('scheduled_at, outcome, detail, missed_until')
    .eq('schedule_id', made.id)
    .order('scheduled_at');
  expect(data?.map(({ outcome }) => outcome)).toEqual(['missed', ...Array(4).fill('started')]);
  expect(data?.map(({ scheduled_at }) => Date.parse(scheduled_at))).toEqual(
    [0, 4, 5, 6, 7].map((hour) => planned[hour]),
  );
  expect(Date.parse(data?.[0]?.missed_until ?? '')).toBe(planned[4]);
});

test('a backfill starts each time of its range once, also when two workers go on with it', async () => {
  const made = await schedule({ cron_expression: '30 2 * * *', timezone: 'Europe/Berlin' });
  const range = { from_time: '2026-03-28T00:00:00Z', to_time: '2026-04-26T00:00:00Z' };
  const asked = () => b.developer.rpc('backfill_schedule', { schedule_id: made.id, ...range });
  const { data, error } = await asked();
  expect(error).toBeNull();
  const advance = Array.from({ length: 4 }, () =>
    b.db.query('select stepbase_engine.advance_backfills()'),
  );
  await Promise.all(advance);
  const progress = (id: string) =>
    waitFor('the backfill has ended', async () => {
      const { data: row } = await b.developer
        .from('schedule_backfills')
        .select()
        .eq('id', id)
        .single();
      return row?.completed_at ? row : false;
    });
  expect(await progress(data?.id ?? '')).toMatchObject({
    status: 'completed',
    times_total: 29,
    runs_started: 29,
  });
  const runs = await ended(made.id);
  const at = (run: Run) => String((run.metadata as { scheduled_at: string }).scheduled_at);
  const times = runs.map(at).toSorted();
  expect(new Set(times).size).toBe(29);
  // 02:30 does not exist on the 29th: that run has the time of the jump.
  expect(times.slice(0, 3).map((time) => time.slice(0, 16))).toEqual([
    '2026-03-28T01:30',
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ]);
  const again = await asked();
  expect(await progress(again.data?.id ?? '')).toMatchObject({
    runs_started: 0,
    times_skipped: 29,
  });
  expect(await read(made.id)).toMatchObject({ runs_started: 0 });
});

describe('life of a schedule', () => {
  test('start_immediately starts a run at its creation, then one at each due time', async () => {
    const made = await schedule({ cron_expression: '0 0 1 1 *', start_immediately: true });
    const started = await counts(made.id, 1);
    expect(started.next_run_at).toMatch(/-01-01T00:00:00/);
    await change(made.id, { cron_expression: '0 0 1 2 *' });
    const changed = await becomes(made.id, 'has a time', (s) => s.next_run_at !== null);
    expect(changed).toMatchObject({ runs_started: 1 });
    expect(changed.next_run_at).toMatch(/-02-01T00:00:00/);
    expect(await ended(made.id)).toHaveLength(1);
  });

  test('a schedule is finished after max_runs, until max_runs is raised', async () => {
    const made = await schedule({ cron_expression: '*/5 * * * *', max_runs: 2 });
    await moveTo(made.next_run_at);
    await moveTo((await counts(made.id, 1)).next_run_at);
    expect(await counts(made.id, 2)).toMatchObject({
      next_run_at: null,
      finished_at: expect.any(String),
    });
    await b.advance('1 hour');
    await change(made.id, { max_runs: 3 });
    const open = await planned(made.id);
    expect(open).toMatchObject({ runs_started: 2, finished_at: null });
    await moveTo(open.next_run_at);
    await counts(made.id, 3);
    expect(await ended(made.id)).toHaveLength(3);
  });

  test('a paused schedule starts no run and does not catch up later', async () => {
    const made = await schedule({ cron_expression: '*/10 * * * *' });
    await change(made.id, { is_enabled: false });
    expect((await read(made.id)).next_run_at).toBeNull();
    await b.advance('1 hour');
    await change(made.id, { is_enabled: true });
    const resumed = await planned(made.id);
    expect(Date.parse(resumed.next_run_at ?? '')).toBeGreaterThan(await now());
    expect(resumed.runs_started).toBe(0);
    await moveTo(resumed.next_run_at);
    await counts(made.id, 1);
    expect(await ended(made.id)).toHaveLength(1);
  });

  test('a changed schedule is due at its new time, a deleted one never', async () => {
    const made = await schedule({ cron_expression: '0 0 1 1 *' });
    const gone = await schedule({ cron_expression: '*/2 * * * *' });
    await b.developer.from('workflow_schedules').delete().eq('id', gone.id);
    await change(made.id, { cron_expression: '*/2 * * * *', timezone: 'Asia/Kathmandu' });
    const changed = await becomes(made.id, 'has a time', (s) => s.next_run_at !== null);
    expect(Date.parse(changed.next_run_at ?? '') - (await now())).toBeLessThan(120_000);
    await moveTo(changed.next_run_at);
    await counts(made.id, 1);
    expect(await ended(made.id)).toHaveLength(1);
    expect(await runsOf(gone.id)).toEqual([]);
  });
});

describe('a start that is refused', () => {
  test('is recorded on the schedule and delays no other schedule', async () => {
    const cron_expression = '*/30 * * * *';
    const misfit = await schedule({ cron_expression, input: { n: 'one' } });
    const paused = await b.publish([double]);
    const unpublished = await schedule({ cron_expression }, paused);
    const good = await schedule({ cron_expression });
    await b.developer.from('workflows').update({ status: 'paused' }).eq('kebab_name', paused);
    await moveTo(good.next_run_at);
    await counts(good.id, 1);
    const failed = (id: string) => becomes(id, 'has failed', (s) => s.last_error !== null);
    expect(await failed(misfit.id)).toMatchObject({
      runs_started: 0,
      last_error: { code: 'invalid_input', errors: [{ path: '/n' }], at: expect.any(String) },
      next_run_at: expect.any(String),
    });
    expect(await failed(unpublished.id)).toMatchObject({
      last_error: {
        code: 'conflict',
        message: `Workflow ${paused} cannot be started: its status is paused; publish it first`,
      },
    });

    await change(misfit.id, { input: { n: 4 } });
    await b.developer.from('workflows').update({ status: 'published' }).eq('kebab_name', paused);
    await moveTo((await read(misfit.id)).next_run_at);
    expect(await counts(misfit.id, 1)).toMatchObject({ last_error: null });
    expect(await counts(unpublished.id, 1)).toMatchObject({ last_error: null });
    for (const { id } of [misfit, unpublished, good]) await ended(id);
  });

  test.each([
    [{ cron_expression: '0 0 31 9 *' }, 'the day never occurs in these months'],
    [{ cron_expression: '0 12,25 * * *' }, 'the hour has 25, which is not in 0-23'],
    [{ cron_expression: '0 12 * * *', timezone: 'CST' }, "time zone 'CST' is an abbreviation"],
  ])('a schedule that the worker cannot run is refused: %j', async (wrong, reason) => {
    const made = await schedule({ cron_expression: '59 * * * *' });
    const { error } = await b.developer.from('workflow_schedules').update(wrong).eq('id', made.id);
    expect(error).toMatchObject({ code: 'SB400', message: expect.stringContaining(reason) });
    const again = { workflow_id: made.workflow_id, name: 'wrong', ...wrong };
    const inserted = await b.developer.from('workflow_schedules').insert(again);
    expect(inserted.error).toMatchObject({ code: 'SB400' });
    expect(await read(made.id)).toEqual(made);
  });
});

test('a schedule with a work queue takes its input from there and starts no run while it is empty', async () => {
  const workflow = await b.publish([double]);
  const { rows } = await b.db.query<{ id: string }>(
    `insert into stepbase.work_queues (app_code, workflow_id, queue_name)
     select app_code, id, 'numbers' from stepbase.workflows where kebab_name = $1 returning id`,
    [workflow],
  );
  const queue = rows[0]?.id ?? '';
  const made = await schedule(
    { cron_expression: '*/20 * * * *', input: { n: 0, of: 'input' }, work_queue_id: queue },
    workflow,
  );
  await moveTo(made.next_run_at);
  const passed = await becomes(made.id, 'has passed', (s) => s.next_run_at !== made.next_run_at);
  expect(passed).toMatchObject({ runs_started: 0, last_error: null });
  await b.db.query(`select stepbase_engine.push_work_item($1, '{"n": 5}')`, [queue]);
  await moveTo(passed.next_run_at);
  await counts(made.id, 1);
  const [run] = await ended(made.id);
  expect(run).toMatchObject({ input: { n: 5, of: 'input' }, output: { double: 10 } });
  const item = await b.db.query('select taken_by_run_id from stepbase.work_queue_items');
  expect(item.rows).toEqual([{ taken_by_run_id: run?.id }]);
});

test('an item that the workflow rejects fails and is named on the schedule, and the next item is tried', async () => {
  const workflow = await b.publish([double], [], { input_schema: needsNumber });
  const { rows } = await b.db.query<{ id: string }>(
    `insert into stepbase.work_queues (app_code, workflow_id, queue_name)
     select app_code, id, 'anything' from stepbase.workflows where kebab_name = $1 returning id`,
    [workflow],
  );
  const queue = rows[0]?.id ?? '';
  const push = async (item: string) => {
    await b.db.query('select stepbase_engine.push_work_item($1, $2)', [queue, item]);
  };
  await push('{"n": "many"}');
  await push('{"n": 5}');
  const made = await schedule(
    { cron_expression: '*/20 * * * *', input: {}, work_queue_id: queue },
    workflow,
  );
  await moveTo(made.next_run_at);
  const passed = await becomes(made.id, 'has passed', (s) => s.next_run_at !== made.next_run_at);
  const items = await b.db.query<{ id: string; status: string }>(
    'select id, status from stepbase.work_queue_items where work_queue_id = $1 order by created_at',
    [queue],
  );
  expect(items.rows.map(({ status }) => status)).toEqual(['failed', 'queued']);
  expect(passed).toMatchObject({
    runs_started: 0,
    last_error: { code: 'invalid_input', item_id: items.rows[0]?.id },
  });
  await moveTo(passed.next_run_at);
  expect(await counts(made.id, 1)).toMatchObject({ last_error: null });
  const [run] = await ended(made.id);
  expect(run).toMatchObject({ output: { double: 10 } });
});
