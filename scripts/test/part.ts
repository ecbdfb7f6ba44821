// One part of `npm test`: a command with a time limit. Its output says how many tests passed and failed, and
// which file was running when the part was stopped.

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Child } from '../stack/child.ts';
import { ROOT } from '../stack/options.ts';
import type { Counts, Progress } from './progress.ts';

export interface Part {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** On the reference machine; see machine.ts. */
  limitMs: number;
  /** Reads the counts and the running files from the output; called once the process has ended. */
  progress: (output: string, ok: boolean) => Progress;
}

export interface PartResult extends Counts {
  name: string;
  ms: number;
  output: string;
  /** The failed tests, each as `file > name`, and the reason of a failure without a failed test. */
  failures: string[];
  /** The reason why the part was stopped, and the files that were running. */
  stopped?: string;
}

/** The whole output of every part, to be read afterwards; the first part creates the folder. */
export const logDir = join(tmpdir(), `stepbase-test-${randomUUID().slice(0, 8)}`);

const GRACE_MS = 10_000;

interface RunningPart {
  child: Child;
  /** Set when the runner ends the part. */
  reason?: string;
}

const running = new Set<RunningPart>();

async function stop(part: RunningPart, reason: string): Promise<void> {
  part.reason ??= reason;
  await part.child.stop(GRACE_MS);
}

/** Stops every part that is running; each still reports its counts and its running files. */
export async function stopParts(reason: string): Promise<void> {
  await Promise.all([...running].map((part) => stop(part, reason)));
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

export async function runPart(part: Part, factor = 1): Promise<PartResult> {
  const started = performance.now();
  const limitMs = part.limitMs * factor;
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
    // Deno enables colours with any value of FORCE_COLOR.
    onLine: (line) => lines.push(stripVTControlCharacters(line)),
    stopSignal: 'SIGTERM',
  });
  const self: RunningPart = { child };
  running.add(self);
  const timer = setTimeout(() => {
    void stop(self, `time limit of ${seconds(limitMs)}`);
  }, limitMs);
  const { code, signal } = await child.exited;
  await child.outputRead;
  clearTimeout(timer);
  running.delete(self);

  const completed = code === 0 && self.reason === undefined;
  const progress = part.progress(lines.join('\n'), completed);
  const reason = self.reason ?? (signal ? `ended by ${signal}` : undefined);
  // A part that failed without a failed test, or passed without any test, counts as one failure.
  const unexplained = (!completed && progress.failed === 0) || (completed && progress.passed === 0);
  const result: PartResult = {
    name: part.name,
    passed: progress.passed,
    failed: progress.failed + (unexplained ? 1 : 0),
    ms: performance.now() - started,
    output: '',
    failures: progress.failures,
  };
  if (reason !== undefined) {
    const files =
      progress.running.length > 0
        ? progress.running.join(', ')
        : 'no test file (before, between or after files)';
    result.stopped = `${reason}, while running ${files}`;
    lines.push(`stopped: ${result.stopped}`);
    result.failures = [...result.failures, result.stopped];
  } else if (unexplained) {
    const fault = completed ? 'no test ran' : `ended with exit code ${code} and no failed test`;
    lines.push(fault);
    result.failures = [...result.failures, fault];
  }
  result.output = lines.join('\n');
  return result;
}
