// `serve` on the real engine: handlers answer at once or later, fail with codes of their own, write logs, and learn that
// a run was cancelled. What is not signed is refused.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { denoProgram, denoVariables } from '../../scripts/stack/functions.ts';
import {
  CancelledError,
  type Handlers,
  handler,
  type StepCallContext,
  StepFailure,
  serve,
  toNodeListener,
} from '../../sdk/src/serve/index.ts';
import type { Json } from '../../types/database.ts';
import { type NodeOptions, node, type TestApp, testApp } from '../engine/support.ts';
import { waitFor } from '../support/stack.ts';

const mark = randomUUID().slice(0, 8);
const named = (name: string) => `${name}-${mark}`;

let b: TestApp;
let server: Server;
let address: string;
const secrets: Record<string, string> = {};
/** The contexts of the calls, by handler. */
const calls = new Map<string, StepCallContext[]>();
const errors: string[] = [];
const ended: unknown[] = [];

function record(ctx: StepCallContext): void {
  const name = ctx.component.replace(`-${mark}`, '');
  calls.set(name, [...(calls.get(name) ?? []), ctx]);
}

const handlers: Handlers = {
  [named('sum')]: handler({
    input: z.object({ numbers: z.array(z.number()) }),
    output: z.object({ sum: z.number().max(100) }),
    async run({ numbers }, ctx) {
      record(ctx);
      ctx.log.info('adding', { count: numbers.length });
      ctx.log.warn('done');
      await ctx.heartbeat();
      return { sum: numbers.reduce((total, n) => total + n, 0) };
    },
  }),
  [named('fails')]: async (input: { code?: string; retryable?: boolean }, ctx) => {
    record(ctx);
    if (input.code === undefined) throw new TypeError('not a function');
    throw new StepFailure(input.code, 'Sold out\u0000', { retryable: input.retryable ?? false });
  },
  [named('sleeps')]: (_input: object, ctx) => {
    record(ctx);
    return new Promise(() => undefined);
  },
  [named('later')]: handler({
    later: true,
    heartbeatMs: 50,
    async run(input: { wait?: boolean; wrong?: boolean }, ctx) {
      record(ctx);
      if (input.wait) {
        await new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            ended.push(ctx.signal.reason);
            reject(ctx.signal.reason);
          });
        });
      }
      return input.wrong ? 'a text' : { file: 'invoice.pdf' };
    },
  }),
  [named('slow')]: handler({
    later: 100,
    async run(input: { slow: boolean }, ctx) {
      record(ctx);
      // The step waits only if the call was answered with 202.
      if (input.slow) {
        await waitFor('the step waits', async () => {
          const { rows } = await b.db.query('select status from stepbase.step_runs where id = $1', [
            ctx.step.stepRunId,
          ]);
          return rows[0]?.status === 'waiting';
        });
      }
      return { file: 'slow.pdf' };
    },
  }),
};

async function component(name: string, endpoint: string): Promise<string> {
  const { data, error } = await b.developer
    .from('components')
    .insert({
      name,
      implementation_type: 'service_task',
      endpoint,
      output_schema: { type: 'object' },
      notify_cancel: true,
    })
    .select('id')
    .single();
  if (error) throw new Error(error.message);
  const made = await b.developer.rpc('rotate_component_secret', { component_id: data.id });
  return (made.data as { secret: string }).secret;
}

beforeAll(async () => {
  b = await testApp();
  const onError = (error: unknown) => errors.push(String(error));
  server = createServer(toNodeListener(serve(handlers, { secret: secrets, onError })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/components`;
  for (const name of Object.keys(handlers)) secrets[name] = await component(name, address);
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

const published = new Map<string, Promise<string>>();

/** A workflow whose only step calls the component with the input of the run. */
async function start(name: string, input: object, options: NodeOptions = {}) {
  const key = JSON.stringify([name, options]);
  const config = { component: named(name), input: '{{ input }}' };
  const workflow = published.get(key) ?? b.publish([node('call', 'service_task', config, options)]);
  published.set(key, workflow);
  return await b.start(await workflow, input as Json);
}

async function run(name: string, input: object, options: NodeOptions = {}) {
  return await b.ended((await start(name, input, options)).id);
}

const attempts = (all: { attempt: number; error: unknown }[]) =>
  all.map(({ attempt, error }) => [attempt, (error as { code: string } | null)?.code]);

describe('a handler', () => {
  test('answers at once, knows its call, and writes the log of its attempt', async () => {
    const { run: ended } = await run('sum', { numbers: [1, 2] });
    expect(ended).toMatchObject({ status: 'completed', output: { call: { sum: 3 } } });
    const [ctx] = calls.get('sum') ?? [];
    expect(ctx).toMatchObject({
      run: { id: ended.id, application: ended.app_code, version: 1 },
      step: { id: 'call' },
      attempt: 1,
      idempotencyKey: `${ended.id}:call:0`,
      traceparent: expect.stringContaining(ended.trace_id),
    });
    expect(ctx?.deadline.getTime()).toBeGreaterThan(Date.parse(ended.created_at));
    const { data: lines } = await b.developer
      .from('step_logs')
      .select('level,message,data')
      .eq('run_id', ended.id)
      .order('seq');
    expect(lines).toEqual([
      { level: 'info', message: 'adding', data: { count: 2 } },
      { level: 'warn', message: 'done', data: null },
    ]);
  });

  test.each([
    ['input', { numbers: ['one'] }, 'invalid_input', 'numbers.0'],
    ['output', { numbers: [99, 2] }, 'invalid_output', 'sum'],
  ])('refuses an %s that does not match its schema', async (_what, input, code, path) => {
    const { run: ended } = await run('sum', input, { retry: { max_attempts: 2, delay_ms: 1 } });
    expect(ended).toMatchObject({ status: 'failed', error: { code } });
    expect((ended.error as { message: string }).message).toContain(path);
  });

  test('fails with the code of its StepFailure, and the engine retries a retryable failure only', async () => {
    const retry = { max_attempts: 2, delay_ms: 1 };
    const [fatal, passing, broken] = await Promise.all([
      run('fails', { code: 'no_stock' }, { retry }),
      run('fails', { code: 'busy', retryable: true }, { retry }),
      run('fails', {}, { retry }),
    ]);
    expect(fatal.run.error).toMatchObject({ code: 'no_stock', message: 'Sold out\uFFFD' });
    expect(attempts(fatal.all)).toEqual([[1, 'no_stock']]);
    expect(attempts(passing.all)).toEqual([
      [1, 'busy'],
      [2, 'busy'],
    ]);
    const keys = calls.get('fails')?.map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toHaveLength(5);
    expect(new Set(keys).size).toBe(3);
    expect(attempts(broken.all)).toEqual([
      [1, 'handler_error'],
      [2, 'handler_error'],
    ]);
    expect(errors).toContain('TypeError: not a function');
  });

  test('that is not done before its deadline fails with `timeout`', async () => {
    const { run: ended } = await run('sleeps', {}, { timeout_ms: 1_000 });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
    expect(calls.get('sleeps')?.[0]?.signal.aborted).toBe(true);
  });
});

describe('long work', () => {
  test('is answered with 202 and completes by a callback', async () => {
    const { run: ended } = await run('later', {});
    expect(ended).toMatchObject({ status: 'completed', output: { call: { file: 'invoice.pdf' } } });
    const { run: wrong } = await run('later', { wrong: true });
    expect(wrong).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
  });

  test.each([[true], [false]])('is answered later only if it is slow: %s', async (slow) => {
    const { run: ended } = await run('slow', { slow });
    expect(ended).toMatchObject({ status: 'completed', output: { call: { file: 'slow.pdf' } } });
  });

  test('ends when its run is cancelled', async () => {
    const { id } = await start('later', { wait: true });
    await b.stepIs(id, 'call', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: id });
    await waitFor('the handler has ended', () => ended.length > 0);
    expect(ended[0]).toBeInstanceOf(CancelledError);
    expect((await b.ended(id)).run.status).toBe('cancelled');
  });
});

describe('a message that is not of Stepbase', () => {
  const name = named('sum');
  const call = (change: object = {}) =>
    JSON.stringify({ type: 'step.call', component: name, ...change });
  const now = () => Math.floor(Date.now() / 1_000);

  function signed(body: string, { at = now(), secret = secrets[name] ?? '' } = {}) {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`m1.${at}.${body}`).digest('base64');
    return {
      'webhook-id': 'm1',
      'webhook-timestamp': String(at),
      'webhook-signature': `v1a,AAAA v1,AAAA v1,${signature}`,
    };
  }
  const post = async (body: string, headers: Record<string, string>) =>
    (await fetch(address, { method: 'POST', body, headers })).status;

  test('is refused', async () => {
    expect((await fetch(address)).status).toBe(405);
    expect(await post(call(), {})).toBe(401);
    expect(await post(call({ attempt: 2 }), signed(call()))).toBe(401);
    expect(await post(call(), { ...signed(call()), 'webhook-id': 'm2' })).toBe(401);
    expect(await post(call(), { ...signed(call()), 'webhook-signature': 'v1,' })).toBe(401);
    for (const at of [now() - 400, now() + 400]) {
      expect(await post(call(), signed(call(), { at }))).toBe(401);
    }
    // Signed by the secret of another component.
    const other = { secret: secrets[named('later')] ?? '' };
    expect(await post(call(), signed(call(), other))).toBe(401);
    expect(await post(call({ component: 'other' }), signed(call({ component: 'other' })))).toBe(
      401,
    );
    const unknown = call({ type: 'step.other' });
    expect(await post(unknown, signed(unknown))).toBe(400);
  });

  test('is never accepted without a secret', () => {
    for (const secret of ['', undefined, [], [''], ['whsec_AAAA', undefined], { work: '' }]) {
      expect(() => serve({}, { secret: secret as string })).toThrow('needs the secret');
    }
  });

  test('has a handler only by a name of its own', async () => {
    const serving = serve({}, { secret: secrets[name] ?? '' });
    const body = call({ component: 'toString' });
    const request = new Request(address, { method: 'POST', body, headers: signed(body) });
    expect((await serving(request)).status).toBe(404);
  });
});

describe('an Edge Function', () => {
  let child: ChildProcess;
  afterAll(() => child?.kill('SIGKILL'));

  test('completes a step after its response', async () => {
    const name = named('deno');
    const secret = await component(name, 'http://127.0.0.1:1');
    const file = fileURLToPath(new URL('serve-function.ts', import.meta.url));
    const options = [
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--no-prompt',
      '--allow-net',
      '--allow-env',
    ];
    child = spawn(denoProgram(), ['serve', ...options, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '',
        NO_COLOR: '1',
        DENO_NO_UPDATE_CHECK: '1',
        ...denoVariables(),
        STEPBASE_COMPONENT: name,
        STEPBASE_COMPONENT_SECRET: secret,
      },
    });
    const endpoint = await new Promise<string>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface(stream).on('line', (line) => {
          const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
          if (found) resolve(found);
        });
      }
    });
    const changed = await b.developer.from('components').update({ endpoint }).eq('name', name);
    expect(changed.error).toBeNull();
    const { run: ended } = await run('deno', { n: 1 });
    expect(ended).toMatchObject({
      status: 'completed',
      output: { call: { n: 2, runtime: 'Deno' } },
    });
  });
});
