// The event stream of a run: without gaps, resumable, and ended by the run, the time limit, the client or a lost permission.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { systemClock } from '../../_shared/clock/clock.ts';
import { type RunSource, runFrames, type StreamLimits } from './frames.ts';
import { Wakeup } from './wakeup.ts';

const LIMITS: StreamLimits = {
  until: 60_000,
  pollMs: 1_000,
  livePollMs: 10_000,
  heartbeatMs: 15_000,
};

/** A run in memory: `write` appends events; waiting advances the clock and runs the script. */
class Run implements RunSource {
  readonly types: string[] = [];
  readonly waits: number[] = [];
  readonly script: (() => void)[] = [];
  time = 0;
  live = false;
  ended = false;
  visible = true;
  closed = false;
  page = 500;

  write(...types: string[]): void {
    this.types.push(...types);
  }

  snapshot() {
    const run = { event_seq: this.types.length };
    return Promise.resolve(this.visible ? { run, steps: [] } : undefined);
  }

  events(after: number) {
    const events = this.types
      .map((type, index) => ({ type, seq: index + 1 }))
      .slice(after, after + this.page);
    const page = { events, lastSeq: this.types.length, ended: this.ended };
    return Promise.resolve(this.visible ? page : undefined);
  }

  wait(ms: number) {
    this.waits.push(ms);
    this.time += ms;
    this.script.shift()?.();
    return Promise.resolve();
  }

  isLive = () => this.live;
  isClosed = () => this.closed;
  now = () => this.time;
}

async function read(run: Run, after?: number, limits = LIMITS): Promise<string[]> {
  const frames: string[] = [];
  for await (const text of runFrames(run, limits, after)) {
    const event = /^event: (.*)$/m.exec(text)?.[1] ?? text.trim();
    const id = /^id: (.*)$/m.exec(text)?.[1];
    frames.push(id === undefined ? event : `${event} ${id}`);
    if (frames.length > 1000) throw new Error('the stream does not end');
  }
  return frames;
}

Deno.test('a stream has a snapshot, then every later event, then the end', async () => {
  const run = new Run();
  run.write('run.created', 'run.started');
  run.script.push(
    () => run.write('step.started'),
    () => {
      run.write('step.completed', 'run.completed');
      run.ended = true;
    },
  );
  deepStrictEqual(await read(run), [
    'retry: 1000',
    'snapshot 2',
    'step 3',
    'step 4',
    'run 5',
    'end',
  ]);
});

Deno.test('a client that reconnects gets the events that it missed, without a snapshot', async () => {
  const run = new Run();
  run.write('run.created', 'run.started', 'step.started', 'run.completed');
  run.ended = true;
  deepStrictEqual(await read(run, 2), ['retry: 1000', 'step 3', 'run 4', 'end']);
  deepStrictEqual(await read(run, 4), ['retry: 1000', 'end']);
  deepStrictEqual(await read(run, 0), ['retry: 1000', 'run 1', 'run 2', 'step 3', 'run 4', 'end']);
});

Deno.test('many events are sent page by page without a pause and without a gap', async () => {
  const run = new Run();
  run.page = 3;
  run.write(...Array.from({ length: 10 }, () => 'step.started'));
  run.ended = true;
  const seqs = (await read(run, 0)).slice(1, -1);
  deepStrictEqual(
    seqs,
    Array.from({ length: 10 }, (_, index) => `step ${index + 1}`),
  );
  strictEqual(run.waits.length, 0);
});

Deno.test('the stream ends at its time limit and sends heartbeats while there are no events', async () => {
  const run = new Run();
  run.write('run.created');
  const frames = await read(run, 1, { ...LIMITS, until: 40_000 });
  deepStrictEqual(frames, ['retry: 1000', ': still here', ': still here']);
  strictEqual(run.time, 40_000);
});

Deno.test('without notifications it polls every second, with them rarely', async () => {
  const run = new Run();
  await read(run, 0, { ...LIMITS, until: 3_000 });
  deepStrictEqual(run.waits, [1_000, 1_000, 1_000]);
  const live = new Run();
  live.live = true;
  await read(live, 0, { ...LIMITS, until: 20_000 });
  deepStrictEqual(live.waits, [10_000, 5_000, 5_000]);
});

Deno.test('a caller who may no longer see the run gets an error, and the stream ends', async () => {
  const run = new Run();
  run.write('run.created');
  run.script.push(() => {
    run.visible = false;
    run.write('step.started');
  });
  deepStrictEqual(await read(run), ['retry: 1000', 'snapshot 1', 'error']);
});

Deno.test('a client that disconnects ends the stream', async () => {
  const run = new Run();
  run.script.push(() => {
    run.closed = true;
  });
  deepStrictEqual(await read(run, 0), ['retry: 1000']);
});

Deno.test('a ring between two waits is not lost, and a wait ends at its time limit', async () => {
  const wakeup = new Wakeup(systemClock);
  wakeup.ring();
  const started = performance.now();
  await wakeup.wait(10_000);
  setTimeout(() => wakeup.ring(), 5);
  await wakeup.wait(10_000);
  await wakeup.wait(5);
  strictEqual(performance.now() - started < 5_000, true);
});
