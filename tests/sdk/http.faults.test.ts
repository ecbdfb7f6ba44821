// A machine whose arguments or answers are wrong: each call ends with an error that tells what is wrong.

import { afterEach, expect, test, vi } from 'vitest';
import {
  createStepbase,
  InvalidRequestError,
  type RunEvent,
  type StepbaseError,
} from '../../sdk/src/index.ts';
import { collect, numbers } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

type Answer = (signal: AbortSignal) => Response | Promise<Response>;

/** A machine whose requests get these answers, the last one again and again. */
function machine(...answers: Answer[]) {
  const urls: string[] = [];
  const fetch = (async (url: string, { signal }: { signal: AbortSignal }) => {
    urls.push(url);
    const answer = answers[Math.min(urls.length, answers.length) - 1];
    if (answer === undefined) throw new Error('no answer');
    return await answer(signal);
  }) as unknown as typeof globalThis.fetch;
  return { urls, stepbase: createStepbase({ url: 'http://x.test', apiKey: 'sbk_x', fetch }) };
}

const silent: Answer = (signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

const stream = (text: string, type = 'text/event-stream'): Response =>
  new Response(text, { headers: { 'content-type': type } });

const read = async (events: AsyncIterable<RunEvent>): Promise<number[]> =>
  numbers(await collect(events));

const EVENTS = 'event: run\ndata: {"seq":1}\n\nevent: end\ndata: {}\n\n';

test('an argument that is not JSON is refused before a request', async () => {
  const { stepbase, urls } = machine(() => Response.json({}));
  const start = stepbase.start('work', { n: 1n }, { idempotencyKey: 'k' });
  await expect(start).rejects.toBeInstanceOf(InvalidRequestError);
  await expect(start).rejects.toThrow('not JSON');
  expect(urls).toEqual([]);
});

test.each([[''], ['.'], ['..']])('the id "%s" leads to no other path', async (id) => {
  const { stepbase, urls } = machine(() => Response.json({}));
  const run = stepbase.run(id);
  const calls = [run.get(), run.steps(), run.result(), run.cancel(), read(run.watch())];
  const others = [
    stepbase.tasks.get(id),
    stepbase.schedules.delete(id),
    stepbase.secrets.delete(id),
  ];
  for (const call of await Promise.allSettled([...calls, ...others])) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'invalid_request' } });
  }
  expect(urls).toEqual([]);
});

test.each<[string, Response]>([
  ['a page instead of a stream', stream('<html>', 'text/html')],
  ['an event that is not JSON', stream('event: run\ndata: {\n\n')],
])('watch ends at %s', async (_what, answer) => {
  const { stepbase, urls } = machine(() => answer);
  const events = read(stepbase.run('r').watch());
  await expect(events).rejects.toMatchObject({
    code: 'invalid_response',
  } satisfies Partial<StepbaseError>);
  expect(urls).toHaveLength(1);
});

test('a request that is never answered is sent again by watch and result', async () => {
  vi.useFakeTimers();
  const watching = machine(silent, () => stream(EVENTS));
  const run = { id: 'r', status: 'completed', output: { done: true } };
  const waiting = machine(silent, () => Response.json({ run, steps: [] }));
  const events = read(watching.stepbase.run('r').watch());
  const result = waiting.stepbase.run('r').result();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await events).toEqual([1]);
  expect(await result).toEqual({ done: true });
  expect([watching.urls, waiting.urls].map(({ length }) => length)).toEqual([2, 2]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a request that fails after its caller has left is no unhandled rejection', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const leave = new AbortController();
  const { stepbase } = machine(() => {
    leave.abort(new Error('left'));
    throw new TypeError('the request was aborted');
  });
  const left = stepbase.run('r').get({ signal: leave.signal });
  await expect(left).rejects.toThrow('left');
  // A rejection is reported when the promises of the turn are done.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
