// How apps share the threads of inline_code, with threads that the test ends.

import assert from 'node:assert/strict';
import { settled } from '../../_shared/clock/testing.ts';
import type { CodeJob, CodeOutcome } from './code-sandbox.ts';
import { CodeThreads, type CodeWorker } from './code-threads.ts';
import { StepError, stopCodeThreads } from './index.ts';
import { afterAll, failureOf, runStep, testContext } from './testing.ts';

afterAll(() => stopCodeThreads());

const DONE: CodeOutcome = { ok: true, json: '1', logs: [] };

function setup() {
  const running: { app: string; end(outcome?: CodeOutcome): void }[] = [];
  let open = 0;
  const time = { ms: 0 };
  const threads = new CodeThreads({
    now: () => time.ms,
    open() {
      open += 1;
      const worker: CodeWorker = {
        onmessage: () => undefined,
        onerror: () => undefined,
        terminate: () => {
          open -= 1;
        },
        postMessage(job: CodeJob) {
          running.push({
            app: job.code,
            end: (outcome = DONE) => send(outcome),
          });
        },
      };
      const send = (data: unknown) =>
        worker.onmessage?.call(worker as Worker, { data } as MessageEvent);
      setTimeout(() => send('ready'));
      return worker;
    },
  });
  const outcomes: string[] = [];
  const start = (app: string, signal = new AbortController().signal) => {
    const job = { code: app, argument: '{}', timeoutMs: 60_000 };
    const caller = { app, signal, queueing: <T>(wait: Promise<T>) => wait };
    threads.run(job, caller).then(
      () => outcomes.push(app),
      () => outcomes.push(`${app} failed`),
    );
  };
  const names = () => running.map(({ app }) => app);
  const ready = async () => {
    for (let i = 0; i < 4; i += 1) await settled();
  };
  return { time, threads, running, outcomes, start, names, ready, open: () => open };
}

Deno.test('one app uses two threads; other apps find free ones', async () => {
  const s = setup();
  for (let i = 0; i < 20; i += 1) s.start('greedy');
  await s.ready();
  assert.deepEqual(s.names(), ['greedy', 'greedy']);
  s.start('b');
  s.start('c');
  await s.ready();
  assert.deepEqual(s.names(), ['greedy', 'greedy', 'b', 'c']);
  for (const { end } of s.running) end();
  await s.ready();
  s.threads.stop();
});

Deno.test('with k apps in the queue each gets its turn after at most k others', async () => {
  const s = setup();
  const apps = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const app of apps) for (let i = 0; i < 5; i += 1) s.start(app);
  await s.ready();
  for (let i = 0; i < s.running.length; i += 1) {
    s.running[i]?.end();
    await s.ready();
  }
  assert.equal(s.outcomes.length, 30);
  // The first four threads go out before the queue is complete.
  for (let from = 4; from + apps.length <= 28; from += 1) {
    const window = s.names().slice(from, from + apps.length + 1);
    assert.ok(new Set(window).size >= apps.length - 2, window.join());
  }
  s.threads.stop();
});

Deno.test('an app whose code takes long uses one thread; such apps leave one thread free', async () => {
  const s = setup();
  const slow = ['a', 'b', 'c', 'd'];
  for (const app of slow) s.start(app);
  await s.ready();
  s.time.ms += 1_001;
  for (const { end } of s.running.splice(0)) end();
  await s.ready();
  for (const app of slow) for (let i = 0; i < 3; i += 1) s.start(app);
  await s.ready();
  assert.deepEqual(s.names(), ['a', 'b', 'c']);
  s.start('quick');
  await s.ready();
  assert.deepEqual(s.names(), ['a', 'b', 'c', 'quick']);
  for (const { end } of s.running) end();
  await s.ready();
  s.threads.stop();
});

Deno.test('code that is cancelled while it waits leaves the queue', async () => {
  const s = setup();
  for (let i = 0; i < 2; i += 1) s.start('a');
  const abort = new AbortController();
  s.start('a', abort.signal);
  s.start('a');
  await s.ready();
  abort.abort();
  await s.ready();
  assert.deepEqual(s.outcomes, ['a failed']);
  for (let i = 0; i < s.running.length; i += 1) {
    s.running[i]?.end();
    await s.ready();
  }
  assert.deepEqual(s.outcomes, ['a failed', 'a', 'a', 'a']);
  s.threads.stop();
});

Deno.test('code that is cancelled while its thread starts leaves the thread to other code', async () => {
  const s = setup();
  for (let i = 0; i < 20; i += 1) {
    const abort = new AbortController();
    s.start('a', abort.signal);
    abort.abort();
  }
  await s.ready();
  assert.deepEqual([s.outcomes.length, s.names()], [20, []]);
  assert.ok(s.open() <= 4);
  s.start('a');
  await s.ready();
  assert.deepEqual(s.names(), ['a']);
  s.running[0]?.end();
  await s.ready();
  assert.equal(s.outcomes.at(-1), 'a');
  s.threads.stop();
  assert.equal(s.open(), 0);
});

Deno.test('a thread that used much memory is ended', async () => {
  const s = setup();
  s.start('a');
  await s.ready();
  s.running[0]?.end({ ok: false, code: 'code_memory', message: '', logs: [] });
  await s.ready();
  assert.equal(s.open(), 0);
});

Deno.test({
  name: 'code that finished in time does not time out, however busy the worker is',
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const run = (code: string, timeoutMs: number) =>
      runStep('inline_code', { code }, testContext({ timeoutMs }));
    // The thread starts before the measurement, in its own time.
    await run('() => 0', 60_000);
    const done = run('() => 42', 100);
    await settled();
    // Longer than the time limit and its grace: the timer and the outcome are due together.
    const until = performance.now() + 1_000;
    while (performance.now() < until);
    const result = await done;
    assert.deepEqual(result.kind === 'completed' && result.output, 42);
  },
});

Deno.test({
  name: 'code that is handed over repeatedly keeps its full time, and is cancelled each time, not timed out',
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const code = '() => { const end = Date.now() + 300; while (Date.now() < end); return 7; }';
    for (let i = 0; i < 7; i += 1) {
      const abort = new AbortController();
      const attempt = failureOf(
        'inline_code',
        { code },
        testContext({ timeoutMs: 5_000, signal: abort.signal }),
      );
      await settled();
      abort.abort(new StepError('cancelled', 'the worker stops'));
      assert.equal((await attempt).code, 'cancelled');
    }
    const result = await runStep('inline_code', { code }, testContext({ timeoutMs: 5_000 }));
    assert.deepEqual(result.kind === 'completed' && result.output, 7);
  },
});

Deno.test({
  name: 'the time that code waits for a thread does not count',
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    let waited = 0;
    const ctx = testContext({
      timeoutMs: 200,
      async queueing(wait) {
        const from = performance.now();
        const given = await wait;
        waited += performance.now() - from;
        return given;
      },
    });
    const code = '() => { for (;;); }';
    const all = await Promise.all(
      Array.from({ length: 6 }, () => failureOf('inline_code', { code }, ctx)),
    );
    assert.ok(all.every((error) => error.code === 'timeout'));
    assert.ok(waited > 1_000, `${waited} ms`);
  },
});
