// Log lines on their way to the database: which are kept, how they gather, and that no failure reaches a step.

import assert from 'node:assert/strict';
import { startShop } from '../../scripts/fakes/shop.ts';
import { systemClock } from '../_shared/clock/clock.ts';
import { handClock } from '../_shared/clock/testing.ts';
import { type AttemptLines, type LogLevel, StepLogWriter } from './step-logs.ts';
import { afterAll, failureOf, outputOf, testContext } from './steps/testing.ts';

const A = { step_run_id: 'a', fence: 1 };
const B = { step_run_id: 'b', fence: 2 };

function setup(level: LogLevel | 'off' = 'info', refuse = 0) {
  const batches: AttemptLines[][] = [];
  const errors: string[] = [];
  let release: (() => void) | undefined;
  const logs = new StepLogWriter({
    async write(attempts) {
      batches.push([...attempts]);
      if (batches.length === 1) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      if (batches.length <= refuse) throw new Error('refused');
    },
    level,
    clock: systemClock,
    onError: (message) => errors.push(message),
  });
  const told = () =>
    batches.map((batch) =>
      batch.map(({ stepRunId, fence, lines }) => [
        stepRunId,
        fence,
        ...lines.map(({ message }) => message),
      ]),
    );
  return { logs, errors, told, release: () => release?.() };
}

Deno.test('lines gather while a statement writes, and are grouped by attempt', async () => {
  const { logs, told, release } = setup();
  logs.add(A, 'info', '1');
  logs.add(A, 'info', '2');
  await Promise.resolve();
  await Promise.resolve();
  logs.add(B, 'warn', '3');
  logs.add(A, 'error', '4');
  logs.add(B, 'warn', '5');
  assert.equal(logs.isBusy, true);
  release();
  await logs.settled();
  assert.deepEqual(told(), [
    [['a', 1, '1', '2']],
    [
      ['b', 2, '3', '5'],
      ['a', 1, '4'],
    ],
  ]);
  assert.equal(logs.isBusy, false);
});

Deno.test('levels below the lowest, and lines without an attempt, are dropped', () => {
  for (const [level, step] of [
    ['warn', 'a'],
    ['off', 'a'],
    ['debug', ''],
  ] as const) {
    const { logs, told } = setup(level);
    logs.add({ step_run_id: step, fence: 1 }, 'info', 'm');
    assert.equal(logs.isBusy, false);
    assert.deepEqual(told(), []);
  }
});

Deno.test('a line has the time at which it was written', async () => {
  const times: (string | undefined)[] = [];
  const logs = new StepLogWriter({
    write(attempts) {
      times.push(...attempts.flatMap(({ lines }) => lines.map(({ at }) => at)));
      return Promise.resolve();
    },
    level: 'info',
    clock: handClock(),
    onError: assert.fail,
  });
  logs.add(A, 'info', '1');
  await logs.settled();
  assert.deepEqual(times, ['2026-01-01T00:00:00.000Z']);
});

Deno.test('a refused statement loses its lines, and the worker continues', async () => {
  const { logs, errors, told, release } = setup('info', 1);
  logs.add(A, 'info', '1');
  await Promise.resolve();
  await Promise.resolve();
  logs.add(A, 'info', '2');
  release();
  await logs.settled();
  assert.deepEqual(told(), [[['a', 1, '1']], [['a', 1, '2']]]);
  assert.deepEqual(errors, ['1 log lines of steps could not be written']);
});

Deno.test('more lines than may wait are dropped, and the worker says so', async () => {
  const { logs, errors, told, release } = setup();
  logs.add(A, 'info', 'first');
  await Promise.resolve();
  await Promise.resolve();
  for (let i = 0; i < 10_001; i += 1) logs.add(A, 'info', String(i));
  release();
  await logs.settled();
  assert.equal(told().length, 21);
  assert.deepEqual(errors, ['1 log lines of steps were dropped']);
});

const shop = await startShop();
afterAll(() => shop.stop());

async function linesOf(config: unknown, secrets: Record<string, string>): Promise<unknown[]> {
  const lines: unknown[] = [];
  const log = (level: LogLevel, message: string, data: Record<string, unknown> = {}) => {
    lines.push([level, message.replace(/\d+ ms$/, 'n ms'), data.url, data.status]);
  };
  await outputOf('http_request', config, testContext({ log }), secrets);
  return lines;
}

Deno.test('an HTTP call is a line with status and duration, without query, headers and secrets', async () => {
  const url = `${shop.url}/echo`;
  const headers = { authorization: '{{ secrets.key }}' };
  assert.deepEqual(
    await linesOf({ url, query: { key: 'hidden' }, headers }, { key: 'swordfish' }),
    [['debug', `GET ${url} answered 200 in n ms`, url, 200]],
  );
  const masked = { url: `{{ '${shop.url}/' & secrets.key }}` };
  assert.deepEqual(await linesOf(masked, { key: 'echo/swordfish' }), [
    ['debug', `GET ${shop.url}/*** answered 200 in n ms`, `${shop.url}/***`, 200],
  ]);
});

Deno.test('a failed call is a warning with the code of the error', async () => {
  const ctx: unknown[] = [];
  const error = await failureOf(
    'http_request',
    { url: `${shop.url}/status/503` },
    testContext({
      log: (level, message, data) =>
        ctx.push([level, message.replace(/\d+ ms$/, 'n ms'), data?.code]),
    }),
  );
  assert.equal(error.code, 'http_server_error');
  assert.deepEqual(ctx, [
    ['warn', `GET ${shop.url}/status/503 answered 503 after n ms`, 'http_server_error'],
  ]);
});
