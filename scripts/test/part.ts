// One part of `npm test`: a command with a deadline, whose output says how much passed and failed.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../stack/child.ts';
import { ROOT } from '../stack/options.ts';

export interface Counts {
  passed: number;
  failed: number;
}

export interface Part {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  deadlineMs: number;
  /** Reads the counts from the output; undefined when it does not tell. */
  count: (output: string, ok: boolean) => Counts | undefined;
}

export interface PartResult extends Counts {
  name: string;
  ms: number;
  output: string;
}

/** The whole output of every part, for looking at afterwards. */
export const logDir = mkdtempSync(join(tmpdir(), 'stepbase-test-'));

const running = new Set<Child>();

/** Ends every part that still runs; called when the tests are interrupted. */
export async function stopParts(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop(15_000)));
}

export async function runPart(part: Part): Promise<PartResult> {
  const started = performance.now();
  const lines: string[] = [];
  const child = await Child.start({
    command: part.command,
    args: part.args,
    env: {
      ...process.env,
      PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      DENO_NO_UPDATE_CHECK: '1',
      ...part.env,
    },
    cwd: ROOT,
    logFile: join(logDir, `${part.name.replaceAll(/\W+/g, '-')}.log`),
    onLine: (line) => lines.push(line),
    stopSignal: 'SIGTERM',
  });
  running.add(child);
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    void child.stop(10_000);
  }, part.deadlineMs);
  const { code, signal } = await child.exited;
  await child.outputRead;
  clearTimeout(deadline);
  running.delete(child);
  if (late) lines.push(`stopped after ${part.deadlineMs / 1000} s`);
  const ended = code === 0 && !late;
  const counts = part.count(lines.join('\n'), ended) ?? { passed: 0, failed: 0 };
  // A part that failed without counting a failure, or passed without running anything, failed once.
  const unexplained = (!ended && counts.failed === 0) || (ended && counts.passed === 0);
  if (unexplained) {
    lines.push(ended ? 'nothing ran' : `ended with ${signal ?? `exit code ${code}`}`);
  }
  return {
    name: part.name,
    passed: counts.passed,
    failed: counts.failed + (unexplained ? 1 : 0),
    ms: performance.now() - started,
    output: lines.join('\n'),
  };
}
