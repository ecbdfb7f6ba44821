// Runs inline_code on a thread that can be ended. QuickJS can interrupt loops, but not a single long built-in call
// (indexOf over 2^53 elements): only ending the thread stops it. Edge Functions have no threads: the code runs on the
// main thread there, and the platform's CPU limit ends it.

import { loadQuickJS } from '../../_shared/expressions/quickjs.ts';
import { type CodeJob, type CodeOutcome, runCode } from './code-sandbox.ts';
import { CodeThreads } from './code-threads.ts';

const canUseThreads = typeof Worker === 'function' && !('EdgeRuntime' in globalThis);

const threads = new CodeThreads();

export interface CodeCaller {
  app: string;
  signal: AbortSignal;
  /** Waits without using the time of the attempt. */
  queueing<T>(wait: Promise<T>): Promise<T>;
}

export async function runCodeSafely(job: CodeJob, caller: CodeCaller): Promise<CodeOutcome> {
  if (!canUseThreads) return runCode(await loadQuickJS(), job);
  return await threads.run(job, caller);
}

/** Ends all idle threads; for an orderly stop and for tests. */
export function stopCodeThreads(): void {
  threads.stop();
}
