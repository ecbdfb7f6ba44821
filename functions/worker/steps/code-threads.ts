// The threads of inline_code, shared fairly between apps: apps take turns, one app uses two threads at most, and an
// app whose code takes long uses one. Such apps never use all threads.

import { clearTimeout as clearNodeTimeout, setTimeout as setNodeTimeout } from 'node:timers';
import { FairQueue } from '../fair-queue.ts';
import type { CodeJob, CodeOutcome } from './code-sandbox.ts';
import { abortError } from './errors.ts';

const MAX_THREADS = 4;
const MAX_PER_APP = 2;
const START_MS = 15_000;
/** Time beyond the job's own limit before the thread is ended. */
const GRACE_MS = 500;
const IDLE_MS = 30_000;
/** A timer that fires so late shows that this thread was busy: the outcome may have arrived, but was not read yet. */
const LATE_MS = 50;
const MAX_GRACES = 20;
/** Code of this duration takes long. */
const LONG_MS = 1_000;

/** What a thread needs of the platform's Worker. */
export type CodeWorker = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

export interface CodeThreadsOptions {
  open?(): CodeWorker;
  /** Milliseconds that never go back. */
  now?(): number;
}

interface Caller {
  app: string;
  signal: AbortSignal;
  queueing<T>(wait: Promise<T>): Promise<T>;
}

interface Thread {
  worker: CodeWorker;
  /** Resolves when the thread can execute code. */
  started: Promise<void>;
  idle?: ReturnType<typeof setNodeTimeout>;
}

interface Waiting {
  signal: AbortSignal;
  resolve(thread: Thread): void;
  reject(error: unknown): void;
}

const openWorker = (): CodeWorker =>
  new Worker(new URL('./code-thread.ts', import.meta.url), { type: 'module' });

export class CodeThreads {
  readonly #open: () => CodeWorker;
  readonly #now: () => number;
  readonly #idle: Thread[] = [];
  readonly #queue = new FairQueue<Waiting>();
  /** The number of threads that each app uses. */
  readonly #used = new Map<string, number>();
  /** Apps whose last code took long. */
  readonly #slowApps = new Set<string>();
  #count = 0;

  constructor({ open = openWorker, now = () => performance.now() }: CodeThreadsOptions = {}) {
    this.#open = open;
    this.#now = now;
  }

  async run(job: CodeJob, { app, signal, queueing }: Caller): Promise<CodeOutcome> {
    const thread = await queueing(this.#acquire(app, signal));
    const startedAt = this.#now();
    let isReusable = false;
    try {
      const outcome = await this.#execute(thread, job, signal);
      // The memory of a module never shrinks, so the thread of a job that used much of it is ended.
      isReusable = outcome !== undefined && (outcome.ok || outcome.code !== 'code_memory');
      const message = `the code did not finish within ${job.timeoutMs} ms`;
      return outcome ?? { ok: false, code: 'code_timeout', message, logs: [] };
    } finally {
      if (this.#now() - startedAt > LONG_MS) this.#slowApps.add(app);
      else this.#slowApps.delete(app);
      this.#release(app, thread, isReusable);
    }
  }

  /** Ends all idle threads. */
  stop(): void {
    for (const thread of this.#idle.splice(0)) this.#end(thread);
  }

  /** A thread that is ready to execute, at the app's turn. */
  async #acquire(app: string, signal: AbortSignal): Promise<Thread> {
    const thread = await new Promise<Thread>((resolve, reject) => {
      if (signal.aborted) return reject(abortError(signal));
      const waiting: Waiting = {
        signal,
        resolve(given) {
          signal.removeEventListener('abort', onAbort);
          resolve(given);
        },
        reject,
      };
      const onAbort = () => {
        this.#queue.remove((one) => one === waiting);
        reject(abortError(signal));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(app, waiting);
      this.#pump();
    });
    try {
      await unlessAborted(thread.started, signal);
      return thread;
    } catch (error) {
      // A thread that is ended while it starts can keep later ones from starting (Deno), so it becomes idle instead.
      this.#leave(app);
      thread.started
        .then(
          () => this.#rest(thread),
          () => this.#end(thread),
        )
        .finally(() => this.#pump());
      throw error;
    }
  }

  #pump(): void {
    while (this.#idle.length > 0 || this.#count < MAX_THREADS) {
      const next = this.#queue.take((app) => this.#mayUseThread(app));
      if (!next) return;
      this.#used.set(next.app, (this.#used.get(next.app) ?? 0) + 1);
      const thread = this.#idle.pop() ?? this.#start();
      clearNodeTimeout(thread.idle);
      next.item.resolve(thread);
    }
  }

  #mayUseThread(app: string): boolean {
    const used = this.#used.get(app) ?? 0;
    if (!this.#slowApps.has(app)) return used < MAX_PER_APP;
    let usedBySlow = 0;
    for (const [other, count] of this.#used) if (this.#slowApps.has(other)) usedBySlow += count;
    return used === 0 && usedBySlow < MAX_THREADS - 1;
  }

  #start(): Thread {
    this.#count += 1;
    const worker = this.#open();
    return { worker, started: started(worker) };
  }

  #release(app: string, thread: Thread, isReusable: boolean): void {
    this.#leave(app);
    if (isReusable) this.#rest(thread);
    else this.#end(thread);
    this.#pump();
  }

  /** The app uses one thread less. */
  #leave(app: string): void {
    const used = (this.#used.get(app) ?? 1) - 1;
    if (used === 0) this.#used.delete(app);
    else this.#used.set(app, used);
  }

  #end(thread: Thread): void {
    clearNodeTimeout(thread.idle);
    thread.worker.terminate();
    this.#count -= 1;
  }

  #rest(thread: Thread): void {
    thread.idle = setNodeTimeout(() => {
      const at = this.#idle.indexOf(thread);
      if (at === -1) return;
      this.#idle.splice(at, 1);
      this.#end(thread);
    }, IDLE_MS);
    thread.idle.unref();
    this.#idle.push(thread);
  }

  /** The outcome; undefined if the code had to be ended. */
  #execute(
    { worker }: Thread,
    job: CodeJob,
    signal: AbortSignal,
  ): Promise<CodeOutcome | undefined> {
    return answer<CodeOutcome | undefined>(worker, signal, (resolve) => {
      worker.onmessage = ({ data }: MessageEvent<CodeOutcome>) => resolve(data);
      worker.postMessage(job);
      return alarm(job.timeoutMs + GRACE_MS, this.#now, () => resolve(undefined));
    });
  }
}

function started(worker: CodeWorker): Promise<void> {
  return answer<void>(worker, undefined, (resolve, reject) => {
    worker.onmessage = () => resolve();
    const timer = setNodeTimeout(
      () => reject(new Error('the code thread did not start')),
      START_MS,
    );
    return () => clearNodeTimeout(timer);
  });
}

/** Rejects as soon as the signal is aborted; `work` goes on. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Calls `onExpired` after `ms`. If this thread was busy at that time, messages of other threads are still unread:
 * then it waits a little longer. Returns how to cancel it.
 */
function alarm(ms: number, now: () => number, onExpired: () => void): () => void {
  let timer: ReturnType<typeof setNodeTimeout>;
  const set = (delay: number, graces: number): void => {
    const due = now() + delay;
    timer = setNodeTimeout(() => {
      if (now() - due > LATE_MS && graces > 0) set(GRACE_MS, graces - 1);
      else onExpired();
    }, delay);
  };
  set(ms, MAX_GRACES);
  return () => clearNodeTimeout(timer);
}

/** Waits for one message of a thread; `ask` sets the timer that limits the wait, and returns how to cancel it. */
function answer<T>(
  worker: CodeWorker,
  signal: AbortSignal | undefined,
  ask: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const settle = (finish: () => void) => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      worker.onmessage = () => {};
      worker.onerror = () => {};
      finish();
    };
    const onAbort = () => settle(() => reject(signal && abortError(signal)));
    worker.onerror = (event: ErrorEvent) => {
      event.preventDefault();
      settle(() => reject(new Error(`the code thread failed: ${event.message}`)));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = ask(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}
