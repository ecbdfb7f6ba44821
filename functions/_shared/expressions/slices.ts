// Long expressions run in slices. Between two slices the event loop continues with timers and sockets, and the worker may
// let another application's expression run first (`withPauses`). Only the time in which an expression runs counts
// towards its limit: not the pauses, and not the time in which a busy machine runs other processes.

import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers';
import { cpuTime } from '../clock/cpu.ts';
import { ExpressionError } from './errors.ts';

/** An expression may run for so long in all. */
export const timeoutMs = 2_000;
const sliceMs = 20;

const pauses = new AsyncLocalStorage<() => Promise<void>>();

/** Resolves after pending timers and messages of connections were handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** Expressions that `work` evaluates await `pause` between slices, instead of only letting the event loop continue. */
export function withPauses<T>(pause: () => Promise<void>, work: () => T): T {
  return pauses.run(pause, work);
}

const running = Symbol('running');

interface Running {
  /** In all slices that have ended. */
  ms: number;
  /** When the slice began, and the CPU time at its begin. */
  since: number;
  cpu: number | undefined;
}

/** The environment of a node; `base` is the same in all of one evaluation. */
interface Environment {
  base: { [running]?: Running };
}

let sliceStart = 0;

/** How long a slice ran. Without a CPU clock, or if it stands still, this is the time that passed. */
function ran(passedMs: number, { cpu }: Running): number {
  const used = (cpuTime() ?? 0) - (cpu ?? 0);
  return used > 0 ? Math.min(passedMs, used) : passedMs;
}

/** JSONata calls this before it evaluates a node, and awaits the promise. */
export function nextSlice(
  _node: unknown,
  _input: unknown,
  { base }: Environment,
): Promise<void> | undefined {
  const now = Date.now();
  base[running] ??= { ms: 0, since: now, cpu: cpuTime() };
  const time = base[running];
  const passedMs = now - time.since;
  if (time.ms + passedMs > timeoutMs && time.ms + ran(passedMs, time) > timeoutMs) {
    throw new ExpressionError('expression_timeout', 'the expression ran out of time');
  }
  if (now - sliceStart < sliceMs) return undefined;
  time.ms += ran(passedMs, time);
  return (pauses.getStore() ?? nextTurn)().then(() => {
    sliceStart = Date.now();
    time.since = sliceStart;
    time.cpu = cpuTime();
  });
}
