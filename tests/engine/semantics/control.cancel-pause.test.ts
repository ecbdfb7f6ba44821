// Control: a cancel reaches a step in flight; a paused run starts no step and loses no event.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signedIn, waitFor } from '../../support/stack.ts';
import { codeOf, node, type Run, readRun, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let slow: Server;
let url: string;
/** By path; `answer` ends the request. */
const requests = new Map<string, { answer(): void }>();
/** `+ /path` when a request arrives, `- /path` when its client disconnects before the answer. */
const log: string[] = [];

beforeAll(async () => {
  slow = createServer((request, response) => {
    const path = request.url ?? '';
    log.push(`+ ${path}`);
    response.on('close', () => {
      if (!response.writableEnded) log.push(`- ${path}`);
    });
    requests.set(path, { answer: () => void response.end('{}') });
    if (path.startsWith('/at-once')) response.end('{}');
  });
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
  b = await testApp();
});
afterAll(() => {
  slow.closeAllConnections();
  slow.close();
});

const asks = (key: string) => [
  node('ask', 'http_request', { url: `${url}/${key}` }),
  value('after', '"went on"'),
];
const inFlight = (key: string) =>
  waitFor(`the request ${key}`, () => requests.get(`/${key}`) ?? false);

/** A run in the only concurrency slot of its workflow, and ten in the backlog. */
async function notStarted(): Promise<{ first: Run; waiting: Run[] }> {
  const name = await b.publish([node('hold', 'wait_for_signal', { signal_name: 'go' })]);
  await b.developer
    .from('workflows')
    .update({ max_concurrent_executions: 1 })
    .eq('kebab_name', name);
  const first = await b.start(name);
  await b.stepIs(first.id, 'hold', 'waiting');
  const waiting = await Promise.all(Array.from({ length: 10 }, () => b.start(name)));
  return { first, waiting };
}

async function release({ id }: { id: string }): Promise<void> {
  const sent = await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
  expect(codeOf(sent)).toBe('none');
}

describe.concurrent('cancel', () => {
  test('reaches a step in flight before a later run has made two calls; no result is written', async () => {
    const { id } = await b.start(await b.publish(asks('cancelled'), ['ask > after']));
    const later = await b.publish(
      ['one', 'two'].map((key) => node(key, 'http_request', { url: `${url}/at-once/${key}` })),
      ['one > two'],
    );
    await inFlight('cancelled');
    const cancelled = await b.developer
      .rpc('cancel_run', { run_id: id, reason: 'enough' })
      .single<Run>();
    expect(cancelled.data).toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', message: 'enough' },
    });
    await b.ended((await b.start(later)).id);
    const [left, two] = ['- /cancelled', '+ /at-once/two'].map((entry) => log.indexOf(entry));
    expect(left, log.join()).toBeGreaterThan(log.indexOf('+ /cancelled'));
    expect(left, log.join()).toBeLessThan(two ?? 0);

    const { run, statuses } = await b.ended(id);
    expect(statuses).toEqual({ ask: 'cancelled' });
    // The worker has aborted it and done other work: no result or other event was written later.
    await b.run([value('other')]);
    const { data } = await b.developer.from('runs').select('event_seq').eq('id', id).single();
    expect(data?.event_seq).toBe(run.event_seq);
  });

  test('twenty concurrent calls have one effect, and a later call has none', async () => {
    const { id } = await b.start(await b.publish([node('w', 'delay', { ms: 60_000 })]));
    await b.stepIs(id, 'w', 'waiting');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => b.developer.rpc('cancel_run', { run_id: id })),
    );
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['none']));
    const { run } = await b.ended(id);
    expect(codeOf(await b.developer.rpc('cancel_run', { run_id: id }))).toBe('none');
    const { data } = await b.developer
      .from('run_events')
      .select('event_type, actor_id')
      .eq('run_id', run.id)
      .eq('event_type', 'run.cancelled');
    expect(data).toHaveLength(1);
    expect(data?.[0]?.actor_id).toBe(run.created_by);
  });

  test('a run that is cancelled before its start never starts', async () => {
    const { first, waiting } = await notStarted();
    const codes = await Promise.all(
      waiting.map(({ id }) => b.developer.rpc('cancel_run', { run_id: id }).then(codeOf)),
    );
    expect(new Set(codes)).toEqual(new Set(['none']));
    await release(first);
    for (const { id } of waiting) {
      const { run, all } = await b.ended(id);
      expect(run.status).toBe('cancelled');
      expect(all).toEqual([]);
      const { data } = await b.developer
        .from('run_events')
        .select('event_type')
        .eq('run_id', id)
        .order('seq');
      expect(data?.map(({ event_type }) => event_type)).toEqual(['run.created', 'run.cancelled']);
    }
  });

  test('is refused for a run that has ended otherwise, a run of another app, and to a viewer', async () => {
    const { run } = await b.run([value('a')]);
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('admin@globex'),
    ]);
    const wish = { run_id: run.id };
    expect(codeOf(await b.developer.rpc('cancel_run', wish))).toBe('SB409 conflict');
    expect(codeOf(await viewer.rpc('cancel_run', wish))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('cancel_run', wish))).toBe('SB404 not_found');
  });
});

describe.concurrent('pause', () => {
  test('lets a step in flight finish and starts no other; resume continues there', async () => {
    const { id } = await b.start(await b.publish(asks('paused'), ['ask > after']));
    const request = await inFlight('paused');
    const paused = await b.developer.rpc('pause_run', { run_id: id }).single<Run>();
    expect(paused.data).toMatchObject({ status: 'paused' });
    expect(codeOf(await b.developer.rpc('pause_run', { run_id: id }))).toBe('none');
    request.answer();
    await b.stepIs(id, 'ask', 'completed');
    await b.stepIs(id, 'after', 'ready');
    const resumed = await b.developer.rpc('resume_run', { run_id: id }).single<Run>();
    expect(resumed.data).toMatchObject({ status: 'running' });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { after: 'went on' } });
    expect(codeOf(await b.developer.rpc('resume_run', { run_id: id }))).toBe('SB409 conflict');
  });

  test('delays, decisions and signals of a paused run take effect when it is resumed', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          node('task', 'user_task', { title: 'Now' }),
          node('signal', 'wait_for_signal', { signal_name: 'go' }),
          node('delay', 'delay', { ms: 50 }),
          value('join', '"all"'),
          ...['x', 'y', 'z'].map((x) => value(x)),
        ],
        ['task > x', 'signal > y', 'delay > z', 'x > join', 'y > join', 'z > join'],
      ),
    );
    const task = await b.stepIs(id, 'task', 'waiting');
    await b.stepIs(id, 'signal', 'waiting');
    await b.developer.rpc('pause_run', { run_id: id });
    await b.developer.rpc('complete_task', { step_run_id: task.id });
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go' });
    await b.stepIs(id, 'x', 'ready');
    await b.stepIs(id, 'y', 'ready');
    await b.developer.rpc('resume_run', { run_id: id });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { join: 'all' } });
  });

  test('a run that is paused before its start waits for resume', async () => {
    const { first, waiting } = await notStarted();
    const call = async (name: string) => {
      const answers = await Promise.all(
        waiting.map(({ id }) => b.developer.rpc(name, { run_id: id }).single<Run>()),
      );
      return answers.map(({ data, error }) => error?.code ?? data?.status);
    };
    expect(new Set(await call('pause_run'))).toEqual(new Set(['paused']));
    // Every run that is not paused starts: there are slots for all of them.
    await release(first);
    await b.db.query('select stepbase_engine.admit()');
    await b.run([value('other')]);
    for (const { id } of waiting) {
      const { run, all } = await readRun(b.developer, id);
      expect(run).toMatchObject({ status: 'paused', started_at: null });
      expect(all).toEqual([]);
    }
    expect(new Set(await call('resume_run'))).toEqual(new Set(['pending']));
    await Promise.all(waiting.map(release));
    for (const { id } of waiting) expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('a for_each completes although its run is paused and resumed a hundred times', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          node('each', 'for_each', {
            items: '{{ input.items }}' as never,
            concurrency: 5,
            step: { type: 'transform', config: { expression: 'item * 2' } },
          }),
          // Keeps the run open so that it can be paused, however fast the list is.
          node('hold', 'wait_for_signal', { signal_name: 'go' }),
          value('last', '$sum(steps.each.output)'),
        ],
        ['each > last', 'hold > last'],
      ),
      { items: Array.from({ length: 150 }, (_, i) => i) },
    );
    for (let i = 0; i < 100; i += 1) {
      const call = i % 2 ? 'resume_run' : 'pause_run';
      expect(codeOf(await b.developer.rpc(call, { run_id: id })), `${call} ${i}`).toBe('none');
    }
    await release({ id });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { last: 150 * 149 } });
  });
});
