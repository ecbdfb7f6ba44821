// Runs inline_code on a thread that can be ended. QuickJS can interrupt loops, but not a single long built-in call
// (indexOf over 2^53 elements): only ending the thread stops it. Edge Functions have no threads: the code runs on the
// main thread there, and the platform's CPU limit ends it.

import { clearTimeout as clearNodeTimeout, setTimeout as setNodeTimeout } from 'node:timers';
import { loadQuickJS } from '../../_shared/expressions/quickjs.ts';
import { type CodeJob, type CodeOutcome, runCode } from './code-sandbox.ts';
import { abortError } from './errors.ts';

const maxThreads = 2;
const startMs = 15_000;
/** Time beyond the job's own limit before the thread is ended. */
const graceMs = 500;
const idleMs = 30_000;

const canUseThreads = typeof Worker === 'function' && !('EdgeRuntime' in globalThis);

interface Thread {
  worker: Worker;
  ready: boolean;
  idle?: ReturnType<typeof setNodeTimeout>;
}

interface Waiting {
  job: CodeJob;
  signal: AbortSignal;
  resolve(outcome: CodeOutcome): void;
  reject(error: unknown): void;
}

const idle: Thread[] = [];
const queue: Waiting[] = [];
let threads = 0;

export async function runCodeSafely(job: CodeJob, signal: AbortSignal): Promise<CodeOutcome> {
  if (!canUseThreads) return runCode(await loadQuickJS(), job);
  return await new Promise<CodeOutcome>((resolve, reject) => {
    queue.push({ job, signal, resolve, reject });
    pump();
  });
}

/** Ends all idle threads; for an orderly stop and for tests. */
export function stopCodeThreads(): void {
  for (const thread of idle.splice(0)) end(thread);
}

function pump(): void {
  while (queue.length > 0) {
    if (queue[0]?.signal.aborted) {
      const gone = queue.shift();
      gone?.reject(abortError(gone.signal));
      continue;
    }
    const thread = idle.pop() ?? (threads < maxThreads ? start() : undefined);
    if (thread === undefined) return;
    const next = queue.shift();
    if (next !== undefined) work(thread, next);
  }
}

function start(): Thread {
  threads += 1;
  const worker = new Worker(new URL('./code-thread.ts', import.meta.url), { type: 'module' });
  return { worker, ready: false };
}

function end(thread: Thread): void {
  clearNodeTimeout(thread.idle);
  thread.worker.terminate();
  threads -= 1;
}

function rest(thread: Thread): void {
  thread.idle = setNodeTimeout(() => {
    const at = idle.indexOf(thread);
    if (at === -1) return;
    idle.splice(at, 1);
    end(thread);
  }, idleMs);
  thread.idle.unref();
  idle.push(thread);
}

function work(thread: Thread, next: Waiting): void {
  clearNodeTimeout(thread.idle);
  const { job, signal } = next;
  const { worker } = thread;
  let timer: ReturnType<typeof setNodeTimeout> | undefined;
  const settle = (reuse: boolean, finish: () => void): void => {
    clearNodeTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    worker.onmessage = () => {};
    worker.onerror = () => {};
    if (reuse) rest(thread);
    else end(thread);
    finish();
    pump();
  };
  const onAbort = (): void => settle(false, () => next.reject(abortError(signal)));
  const send = (): void => {
    worker.postMessage(job);
    timer = setNodeTimeout(() => {
      const message = `the code did not finish within ${job.timeoutMs} ms`;
      settle(false, () => next.resolve({ ok: false, code: 'code_timeout', message, logs: [] }));
    }, job.timeoutMs + graceMs);
  };
  worker.onmessage = (event: MessageEvent<CodeOutcome | 'ready'>) => {
    const { data } = event;
    if (data === 'ready') {
      thread.ready = true;
      clearNodeTimeout(timer);
      send();
    } else {
      // The memory of a module never shrinks, so the thread of a job that used much of it is ended.
      const greedy = !data.ok && data.code === 'code_memory';
      settle(!greedy, () => next.resolve(data));
    }
  };
  worker.onerror = (event: ErrorEvent) => {
    event.preventDefault();
    settle(false, () => next.reject(new Error(`the code thread failed: ${event.message}`)));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (thread.ready) {
    send();
  } else {
    timer = setNodeTimeout(() => {
      settle(false, () => next.reject(new Error('the code thread did not start')));
    }, startMs);
  }
}
