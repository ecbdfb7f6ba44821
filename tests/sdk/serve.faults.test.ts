// `serve` where something is wrong: handlers that throw strange values, callbacks that are not answered or are refused,
// bodies that never end. No fault ends the process, and no step waits for a result that is not sent.

import { createHmac, randomUUID } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import {
  CancelledError,
  type Handlers,
  handler,
  type StepCallContext,
  serve,
  toNodeListener,
} from '../../sdk/src/serve/index.ts';

const SECRET = `whsec_${Buffer.from('a secret of a test').toString('base64')}`;

interface Sent {
  path: string;
  body: Record<string, unknown>;
}

/** Answers callbacks: `answers` are for the requests of a path in their order; then each one is accepted. */
function stepbase(answers: Record<string, ((signal: AbortSignal) => Promise<Response>)[]> = {}) {
  const sent: Sent[] = [];
  const fetch = (async (url: string, init: { body: string; signal: AbortSignal }) => {
    const path = url.slice(url.lastIndexOf('/') + 1);
    sent.push({ path, body: JSON.parse(init.body) });
    const answer = answers[path]?.shift();
    return (await answer?.(init.signal)) ?? Response.json({ cancelled: false });
  }) as unknown as typeof globalThis.fetch;
  return { sent, fetch, of: (path: string) => sent.filter((one) => one.path === path) };
}

const problem = (code: string, status: number) => async () =>
  Response.json({ code, detail: code, status }, { status });

function message(body: string): Request {
  return new Request('http://component.test', { method: 'POST', body, headers: signed(body) });
}

function call(ms = 60_000, stepRunId: string = randomUUID(), token = 't', attempt = 1): Request {
  const at = (left: number) => new Date(Date.now() + left).toISOString();
  const body = {
    type: 'step.call',
    component: 'work',
    run: { id: randomUUID(), application: 'a', workflow: 'w', version: 1 },
    step: { id: 's', step_run_id: stepRunId },
    attempt,
    idempotency_key: 'k',
    deadline: at(ms),
    input: {},
    callback: { url: 'http://stepbase.test/callbacks', token, expires_at: at(3_600_000) },
  };
  return message(JSON.stringify(body));
}

function signed(body: string): Record<string, string> {
  const at = Math.floor(Date.now() / 1_000);
  const key = Buffer.from(SECRET.slice(6), 'base64');
  const signature = createHmac('sha256', key).update(`m1.${at}.${body}`).digest('base64');
  return {
    'webhook-id': 'm1',
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${signature}`,
  };
}

/** Serves a handler; `count` is how many calls it has, `settled` resolves when the work after their answers is done. */
function serving(work: Handlers[string], { fetch, sent }: ReturnType<typeof stepbase>) {
  const works: Promise<unknown>[] = [];
  const errors: unknown[] = [];
  const app = serve(
    { work },
    {
      secret: SECRET,
      fetch,
      onError: (error) => errors.push(error),
      waitUntil: (promise) => works.push(promise),
    },
  );
  return { app, errors, sent, count: () => works.length, settled: () => Promise.all(works) };
}

/** A handler that completes after 202. */
async function completeLater(backend: ReturnType<typeof stepbase>, ms?: number): Promise<void> {
  const finish = Promise.withResolvers<string>();
  const work = handler({ later: ms ?? true, heartbeatMs: false, run: () => finish.promise });
  const { app, settled } = serving(work, backend);
  expect((await app(call(300))).status).toBe(202);
  finish.resolve('done');
  await settled();
}

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeEach(() => {
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  // A rejection is reported when the promises of the turn are done.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

test.each<[string, () => unknown, string]>([
  ['a value without a text', () => Object.create(null), 'The handler threw a value without a text'],
  ['an error whose message is a number', () => Object.assign(new Error(), { message: 7 }), '7'],
  ['undefined', () => undefined, 'undefined'],
  ['a CancelledError of its own', () => new CancelledError(), 'The run or the attempt has ended'],
])('a handler that throws %s fails the step', async (_what, thrown, message) => {
  const backend = stepbase();
  const { app, settled } = serving(() => {
    throw thrown();
  }, backend);
  expect((await app(call())).status).toBe(202);
  await settled();
  expect(backend.of('fail').map(({ body }) => body)).toEqual([
    { token: 't', code: 'handler_error', message, retryable: true },
  ]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('of onError');
    },
  ],
  ['rejects', () => Promise.reject(new Error('of onError'))],
])('an onError that %s does not end the process', async (_how, onError) => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  onTestFinished(() => logged.mockRestore());
  const { fetch, of } = stepbase();
  const work = () => {
    throw new Error('of the handler');
  };
  const app = serve({ work }, { secret: SECRET, fetch, onError });
  expect((await app(call())).status).toBe(202);
  expect(of('fail')[0]?.body).toMatchObject({ message: 'of the handler' });
  expect(String(logged.mock.calls[0]?.[0])).toContain('of onError');
});

test('202 is answered before the deadline of the call, also if `later` is longer', async () => {
  const backend = stepbase();
  await completeLater(backend, 3_600_000);
  expect(backend.of('complete')[0]?.body).toEqual({ token: 't', output: 'done' });
});

test('a handler is aborted when a heartbeat tells that a later attempt has begun', async () => {
  const backend = stepbase({ heartbeat: [problem('conflict', 409)] });
  let seen: StepCallContext | undefined;
  const work = handler({
    later: true,
    heartbeatMs: 1,
    run: (_input, ctx) => {
      seen = ctx;
      return new Promise(() => undefined);
    },
  });
  const { app, errors, settled } = serving(work, backend);
  expect((await app(call())).status).toBe(202);
  await settled();
  expect(seen?.signal.reason).toBeInstanceOf(CancelledError);
  expect(errors).toEqual([]);
  expect(backend.sent.map(({ path }) => path)).toEqual(['heartbeat']);
});

test.each([
  ['at once', undefined, 200],
  ['later', true as const, 202],
])(
  'calls of one attempt run the handler once and are all answered %s',
  async (_how, later, status) => {
    const backend = stepbase();
    const finish = Promise.withResolvers<string>();
    let runs = 0;
    const run = () => {
      runs += 1;
      return finish.promise;
    };
    const { app, count, settled } = serving(handler({ later, heartbeatMs: false, run }), backend);
    const id = randomUUID();
    const answers = ['first', 'second'].map((token) => app(call(60_000, id, token)));
    await vi.waitFor(() => expect(count()).toBe(2));
    expect(runs).toBe(1);
    // Another attempt and another step have handlers of their own.
    const others = [app(call(60_000, id, 'retry', 2)), app(call(60_000, randomUUID(), 'other'))];
    await vi.waitFor(() => expect(count()).toBe(4));
    expect(runs).toBe(3);
    finish.resolve('done');
    const all = await Promise.all([...answers, ...others]);
    await settled();
    expect(all.map((answer) => answer.status)).toEqual([status, status, status, status]);
    if (later === undefined) {
      expect(await Promise.all(all.map((answer) => answer.json()))).toEqual(Array(4).fill('done'));
    } else {
      const sent = backend.of('complete').map(({ body }) => `${body.token}: ${body.output}`);
      expect(sent.sort()).toEqual(['first: done', 'other: done', 'retry: done', 'second: done']);
    }
    // The attempt has ended: a call that comes now is work again.
    expect((await app(call(60_000, id, 'third'))).ok).toBe(true);
    await settled();
    expect(runs).toBe(4);
  },
);

test('a cancellation ends the handler of the attempt and all of its calls', async () => {
  const signals: AbortSignal[] = [];
  const work = handler({
    later: true,
    heartbeatMs: false,
    run: (_input, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    },
  });
  const backend = stepbase();
  const { app, settled } = serving(work, backend);
  const id = randomUUID();
  for (const token of ['first', 'second']) {
    expect((await app(call(60_000, id, token))).status).toBe(202);
  }
  const cancelled = { type: 'step.cancelled', data: { step_run_id: id, attempt: 1 } };
  expect((await app(message(JSON.stringify(cancelled)))).status).toBe(204);
  await settled();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  expect(backend.sent).toEqual([]);
});

test.each([
  ['a cancellation without data', { type: 'step.cancelled' }],
  ['a cancellation whose data is null', { type: 'step.cancelled', data: null }],
  ['a cancellation of no attempt', { type: 'step.cancelled', data: { step_run_id: 'a' } }],
  ['a call without a step', { type: 'step.call', component: 'work', attempt: 1 }],
  ['another message', { type: 'step.other', data: {} }],
  ['a list', []],
  ['null', null],
])('%s is refused with a code, although it is signed', async (_what, body) => {
  const { app } = serving(() => 'done', stepbase());
  const answer = await app(message(JSON.stringify(body)));
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'invalid_request', status: 400 });
});

test('an output that Stepbase refuses fails the step, which would wait for it otherwise', async () => {
  const backend = stepbase({ complete: [problem('payload_too_large', 413)] });
  await completeLater(backend);
  expect(backend.of('fail')[0]?.body).toMatchObject({ code: 'payload_too_large' });
});

test('a callback that is never answered is sent again', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const short = vi
    .spyOn(AbortSignal, 'timeout')
    .mockImplementation((ms) => timeout(ms <= 30_000 ? 20 : ms));
  onTestFinished(() => short.mockRestore());
  const backend = stepbase({
    complete: [
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    ],
  });
  await completeLater(backend);
  expect(backend.of('complete')).toHaveLength(2);
});

test('a line of the log that is not JSON loses neither the other lines nor the step', async () => {
  const backend = stepbase();
  const { app } = serving((_input, { log }) => {
    const data: Record<string, unknown> = { state: 'first' };
    log.info('before', data);
    data.state = 'second';
    data.self = data;
    log.info('circle', data);
    log.warn('large', { n: 1n });
    log.error('broken', new TypeError('not a function'));
    log.debug('list', [1, 2]);
    return null;
  }, backend);
  expect((await app(call())).status).toBe(200);
  expect(backend.of('log')[0]?.body.lines).toMatchObject([
    { data: { state: 'first' } },
    { data: { not_logged: expect.stringContaining('circular') } },
    { data: { not_logged: expect.stringContaining('BigInt') } },
    { data: { name: 'TypeError', message: 'not a function' } },
    { data: { value: [1, 2] } },
  ]);
});

const LIMIT = 16 * 1024 * 1024;

test('a body without an end is refused before it is verified', async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
  });
  const app = serve({}, { secret: SECRET });
  const url = 'http://component.test';
  const init = { method: 'POST', body: endless, duplex: 'half' };
  expect((await app(new Request(url, init as RequestInit))).status).toBe(413);
  expect(pulled).toBeLessThan(20);
  const headers = { 'content-length': String(LIMIT + 1) };
  expect((await app(new Request(url, { method: 'POST', body: '{}', headers }))).status).toBe(413);
});

test('a listener of Node answers what it cannot pass on', async () => {
  const broken = new ReadableStream({
    pull: (controller) => controller.error(new Error('the body broke')),
  });
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const server = createServer(toNodeListener(async () => new Response(broken)));
  onTestFinished(() => {
    logged.mockRestore();
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const status = (path: string, body?: Buffer) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = httpRequest({ port, host: '127.0.0.1', path, method: 'POST' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  expect(await status('//')).toBe(400);
  expect(await status('/', Buffer.alloc(LIMIT + 1))).toBe(413);
  expect(await status('/')).toBe(500);
});
