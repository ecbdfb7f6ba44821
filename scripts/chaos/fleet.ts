// Several worker processes on one database. A worker that is killed is replaced.

import { setTimeout as pause } from 'node:timers/promises';
import { FunctionProcess } from '../stack/functions.ts';

export interface FleetOptions {
  ports: readonly number[];
  env: Record<string, string>;
  dataDir: string;
}

export interface Fleet {
  /** Kills a running worker (SIGKILL) and starts another in its place; false if no worker is running. */
  killOne(): boolean;
  /** The running workers. */
  readonly members: { pid: number; port: number }[];
  stop(): Promise<void>;
}

const START_ATTEMPTS = 30;
const START_PAUSE_MS = 500;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  let stopping = false;
  let next = 0;
  const ends = new Set<Promise<void>>();

  const slots = options.ports.map((port) => {
    const slot = { worker: undefined as FunctionProcess | undefined, started: Promise.resolve() };
    const start = async (): Promise<void> => {
      // A worker cannot start while the database is down; a supervisor would retry too.
      for (let attempt = 1; attempt <= START_ATTEMPTS && !stopping; attempt += 1) {
        const worker = new FunctionProcess({
          name: 'worker',
          port,
          env: options.env,
          dataDir: options.dataDir,
          logLevel: 'silent',
          say: () => undefined,
        });
        try {
          await worker.start();
          slot.worker = worker;
          return;
        } catch (error) {
          if (attempt === START_ATTEMPTS) throw error;
          await pause(START_PAUSE_MS);
        }
      }
    };
    return { slot, start, port };
  });

  /** Ends the worker's own supervisor too, which would wait longer after each crash. */
  function kill(worker: FunctionProcess): void {
    const { pid } = worker;
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    const end = worker.stop().finally(() => ends.delete(end));
    ends.add(end);
  }

  await Promise.all(slots.map(({ start }) => start()));

  return {
    killOne() {
      for (let i = 0; i < slots.length; i += 1) {
        const one = slots[next % slots.length];
        next += 1;
        const worker = one?.slot.worker;
        if (!one || worker?.pid === undefined) continue;
        one.slot.worker = undefined;
        kill(worker);
        one.slot.started = worker.stop().then(one.start);
        // A worker that cannot be replaced causes lost runs in the report.
        one.slot.started.catch(() => undefined);
        return true;
      }
      return false;
    },
    get members() {
      return slots.flatMap(({ slot, port }) => {
        const pid = slot.worker?.pid;
        return pid === undefined ? [] : [{ pid, port }];
      });
    },
    async stop() {
      stopping = true;
      await Promise.allSettled(slots.map(({ slot }) => slot.started));
      await Promise.all(slots.map(({ slot }) => slot.worker?.stop()));
      await Promise.all(ends);
    },
  };
}
