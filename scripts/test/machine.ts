// How slow this machine is today, compared with an idle one of two cores. The time limits of `npm test` are
// multiplied by the answer, so that a busy or small machine gets more time and a fast one does not get less.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { availableParallelism, loadavg } from 'node:os';

/** What the two samples take on the reference machine: two idle cores of a hosted CI runner. */
const REFERENCE = { cpuMs: 70, forkMs: 60 };
const REFERENCE_CORES = 2;
const SAMPLES = 3;
const FORK_DEADLINE_MS = 20_000;

/** No limit grows by more than this: a machine that is slower fails with a message instead of hanging. */
export const MAX_FACTOR = 4;

export interface Machine {
  /** Milliseconds of a fixed piece of CPU work, and of starting a process. */
  cpuMs: number;
  forkMs: number;
  cores: number;
  /** The load average of the last minute. */
  load: number;
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

/** The fastest of a few samples: a single pause of the scheduler does not count. */
function fastest(work: () => void): number {
  return Math.min(...Array.from({ length: SAMPLES }, () => timed(work)));
}

const BLOCK = Buffer.alloc(64 * 1024, 'stepbase');

function hashBlocks(): void {
  const hash = createHash('sha256');
  for (let i = 0; i < 400; i += 1) hash.update(BLOCK);
  hash.digest();
}

function fork(): void {
  spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore', timeout: FORK_DEADLINE_MS });
}

/** Takes a few tenths of a second. */
export function measureMachine(): Machine {
  return {
    cpuMs: fastest(hashBlocks),
    forkMs: fastest(fork),
    cores: availableParallelism(),
    load: loadavg()[0] ?? 0,
  };
}

/** By how much to multiply a time limit: at least 1, at most MAX_FACTOR. */
export function timeFactor({ cpuMs, forkMs, cores, load }: Machine): number {
  const speed = Math.max(cpuMs / REFERENCE.cpuMs, forkMs / REFERENCE.forkMs);
  // Other work may pause while the samples are taken; the load average still shows it.
  const contention = load / cores;
  const fewerCores = REFERENCE_CORES / cores;
  const factor = Math.max(speed, contention) * Math.max(1, fewerCores);
  return Number.isFinite(factor) ? Math.min(MAX_FACTOR, Math.max(1, factor)) : MAX_FACTOR;
}
