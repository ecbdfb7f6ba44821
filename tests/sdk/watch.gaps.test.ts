// The events of a run: each once, in order and without a gap, also after cut connections, dropped messages, repeated
// frames and rows that become visible late.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createStepbase,
  NetworkError,
  NotFoundError,
  type RunEvent,
  type RunHandle,
  TimeoutError,
} from '../../sdk/src/index.ts';
import { node, type TestApp, testApp, value } from '../engine/support.ts';
import { signedIn, stackInfo, waitFor } from '../support/stack.ts';
import { collect, createKey, member, numbers } from './support.ts';

let b: TestApp;
let key: string;
let workflow: string;
const leaving: (() => unknown)[] = [];
beforeAll(async () => {
  b = await testApp();
  key = await createKey(b.admin);
  workflow = await b.publish(
    [node('go', 'wait_for_signal', { signal_name: 'go' }), value('one'), value('two')],
    ['go > one', 'one > two'],
  );
});
afterAll(() => Promise.all(leaving.map((leave) => leave())));

/** Watches a run to its end; `meanwhile` is called when it waits, and then the run continues. */
async function watched(
  run: RunHandle,
  options: { pollMs?: number } = {},
  meanwhile: () => unknown = () => undefined,
): Promise<RunEvent[]> {
  return await collect(run.watch({ timeoutMs: 30_000, ...options }), async ({ type }) => {
    if (type !== 'step.waiting') return;
    await meanwhile();
    const sent = await b.developer.rpc('send_signal', { run_id: run.id, signal_name: 'go' });
    expect(sent.error).toBeNull();
  });
}

function expectWhole(seen: readonly RunEvent[]): void {
  expect(numbers(seen)).toEqual(seen.map((_, at) => at + 1));
  expect(seen[0]).toMatchObject({ type: 'run.created', step_id: null });
  expect(seen.at(-1)).toMatchObject({ type: 'run.completed' });
}

const start = async () => await createStepbase(b.developer).start(workflow);

/** A socket that the test can cut, and that can lose messages of runs. */
function sockets() {
  const open = new Set<WebSocket>();
  const state = { drops: false, dropped: 0 };
  class Socket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      open.add(this);
      this.addEventListener('message', (event) => {
        if (!state.drops || !String(event.data).includes('"seq_from"')) return;
        state.dropped += 1;
        event.stopImmediatePropagation();
      });
    }
  }
  return {
    state,
    realtime: { transport: Socket },
    cut: () => {
      expect(open.size).toBeGreaterThan(0);
      for (const socket of open) socket.close(4_000);
      open.clear();
    },
  };
}

async function disturbed(options: Parameters<typeof member>[1]) {
  const client = await member('developer@acme', options);
  leaving.push(() => client.removeAllChannels());
  return createStepbase(client);
}

test('a user receives events live, by messages only, from two loops at once', async () => {
  const { id } = await start();
  const run = createStepbase(b.developer).run(id);
  // No read without a message would come in time.
  const [seen, same] = await Promise.all([
    watched(run, { pollMs: 3_600_000 }),
    collect(run.watch({ pollMs: 3_600_000, timeoutMs: 30_000 })),
  ]);
  expectWhole(seen);
  expect(same).toEqual(seen);
  expect(await collect(run.watch({ after: seen.length - 2 }))).toEqual(seen.slice(-2));
  expect(b.developer.getChannels().map(({ topic }) => topic)).not.toContain(`stepbase:run:${id}`);
});

test('a user misses nothing when the socket is cut', async () => {
  const { realtime, cut } = sockets();
  const stepbase = await disturbed({ realtime });
  expectWhole(await watched(stepbase.run((await start()).id), {}, cut));
});

test('a user misses nothing when messages are dropped, also the last one', async () => {
  const { realtime, state } = sockets();
  const stepbase = await disturbed({ realtime });
  const run = stepbase.run((await start()).id);
  const seen = await watched(run, { pollMs: 200 }, () => {
    state.drops = true;
  });
  expectWhole(seen);
  expect(state.dropped).toBeGreaterThan(0);
});

test('a message that arrives before its rows is followed until they are visible', async () => {
  const stale = new Map<string, string>();
  let hidden = 0;
  const late: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const address = String(input instanceof Request ? input.url : input);
    if (!address.includes('/rest/v1/runs?')) return response;
    const text = await response.text();
    const known = stale.get(address);
    if (known !== undefined && known !== text && hidden < 3) {
      hidden += 1;
      return new Response(known, { headers: { 'content-type': 'application/json' } });
    }
    stale.set(address, text);
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  };
  const stepbase = await disturbed({ global: { fetch: late } });
  expectWhole(await watched(stepbase.run((await start()).id), { pollMs: 3_600_000 }));
  expect(hidden).toBe(3);
});

test('a run of another application is not found, and a loop ends by its signal or its deadline', async () => {
  const { id } = await start();
  const stranger = createStepbase(await signedIn('admin@globex'));
  await expect(collect(stranger.run(id).watch())).rejects.toBeInstanceOf(NotFoundError);
  const machine = createStepbase({ url: stackInfo().api_url, apiKey: key });
  for (const stepbase of [createStepbase(b.developer), machine]) {
    await expect(collect(stepbase.run(randomUUID()).watch())).rejects.toBeInstanceOf(NotFoundError);
    const late = collect(stepbase.run(id).watch({ timeoutMs: 300 }));
    await expect(late).rejects.toBeInstanceOf(TimeoutError);
    const leave = new AbortController();
    const left = collect(stepbase.run(id).watch({ signal: leave.signal }), () =>
      leave.abort(new Error('left')),
    );
    await expect(left).rejects.toThrow('left');
    for await (const { seq } of stepbase.run(id).watch()) {
      expect(seq).toBe(1);
      break;
    }
  }
  await createStepbase(b.developer).run(id).cancel();
});

/** Changes the frames of event streams; `undefined` cuts the stream. */
function faulty(change: (frame: string, stream: number) => string[] | undefined): typeof fetch {
  let streams = 0;
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.headers.get('content-type')?.includes('event-stream')) return response;
    streams += 1;
    const stream = streams;
    let rest = '';
    const body = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(
        new TransformStream<string, string>({
          transform(chunk, controller) {
            const frames = (rest + chunk).split('\n\n');
            rest = frames.pop() ?? '';
            for (const frame of frames) {
              const changed = change(frame, stream);
              if (changed === undefined) return controller.error(new TypeError('cut'));
              // In pieces, as a network may deliver them.
              for (const text of changed)
                for (const part of `${text}\r\n\r\n`.match(/.{1,40}|\r|\n/gs) ?? [])
                  controller.enqueue(part);
            }
          },
        }),
      )
      .pipeThrough(new TextEncoderStream());
    return new Response(body ?? null, { headers: response.headers });
  };
}

const seqOf = (frame: string): number => Number(/^id: (\d+)$/m.exec(frame)?.[1] ?? 0);

test('a machine misses nothing when streams are cut, skip an event, or repeat one', async () => {
  let cuts = 0;
  let skips = 0;
  let repeats = 0;
  const disturb = faulty((frame, stream) => {
    const seq = seqOf(frame);
    if (stream === 1 && seq === 2) {
      cuts += 1;
      return undefined;
    }
    if (stream === 2 && seq === 3) {
      skips += 1;
      return [];
    }
    if (seq > 0) repeats += 1;
    return seq > 0 ? [frame, frame] : [frame];
  });
  const stepbase = createStepbase({ url: stackInfo().api_url, apiKey: key, fetch: disturb });
  const run = await stepbase.start(workflow);
  expectWhole(await watched(run));
  expect([cuts, skips]).toEqual([1, 1]);
  expect(repeats).toBeGreaterThan(2);
});

test('a wait outlasts an outage, but not an address that never answers', async () => {
  const outages = new Map<string, number>();
  const failing: typeof fetch = async (input, init) => {
    const kind = String(input).endsWith('/events') ? 'events' : 'run';
    const call = (outages.get(kind) ?? 0) + 1;
    outages.set(kind, call);
    // The first request is answered, four are not.
    if (call > 1 && call < 6) throw new TypeError('connection refused');
    const headers = new Headers(init?.headers);
    if (call === 1) headers.delete('prefer');
    const response = await fetch(input, { ...init, headers });
    if (call > 1 || kind === 'run') return response;
    await response.body?.cancel();
    return new Response('', { headers: response.headers });
  };
  const options = { url: stackInfo().api_url, apiKey: key };
  const run = createStepbase({ ...options, fetch: failing }).run((await start()).id);
  const result = run.result({ timeoutMs: 30_000 });
  expectWhole(await watched(run));
  expect(Object.keys((await result) as object)).toEqual(['two']);
  expect([...outages.values()].every((count) => count >= 6)).toBe(true);
  const away = createStepbase({ ...options, url: 'http://127.0.0.1:1' }).run(run.id);
  await expect(collect(away.watch())).rejects.toBeInstanceOf(NetworkError);
  await expect(away.result()).rejects.toBeInstanceOf(NetworkError);
});

test('a machine reads a run that has ended, and continues after an event', async () => {
  const machine = createStepbase({ url: stackInfo().api_url, apiKey: key });
  const { id } = await start();
  const user = createStepbase(b.developer).run(id);
  const seen = await watched(user);
  const read = await collect(machine.run(id).watch());
  const plain = (events: RunEvent[]) =>
    events.map(({ seq, type, step_id }) => [seq, type, step_id]);
  expect(plain(read)).toEqual(plain(seen));
  expect(Object.keys(read[0] ?? {}).sort()).toEqual(Object.keys(seen[0] ?? {}).sort());
  expect(numbers(await collect(machine.run(id).watch({ after: 3 })))[0]).toBe(4);
  await waitFor(
    'the sockets of the ended loops are left',
    () => b.developer.getChannels().length === 0,
  );
});
