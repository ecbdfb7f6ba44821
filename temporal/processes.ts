// Processes of Node beside this one, for the tests and the benchmark of Temporal: each is awaited until it is ready, and
// ends cleanly or as by a crash.

import { join } from 'node:path';
import { Child } from '../scripts/stack/child.ts';
import { ROOT } from '../scripts/stack/options.ts';
import { scaled } from '../scripts/test/time.ts';

/** Below temporal/, where the packages of a project are found without an installation; git ignores it. */
export const WORK_FOLDER = join(ROOT, 'temporal', '.stepbase-test');

const READY_MS = 120_000;
const STOP_MS = 60_000;
/** The last lines that the error of a failed start shows. */
const SHOWN = 5;

export interface ProcessOptions {
  args?: string[];
  /** Beside the variables of this process. */
  env: Record<string, string>;
  cwd?: string;
  logFile: string;
  /** A part of the line that it writes when it is ready. */
  ready: string;
  onLine?: (line: string) => void;
}

export interface RunningProcess {
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code, null when it did not end in time. */
  stop(): Promise<number | null>;
}

/** Executes a file with Node. */
export async function startProcess(file: string, options: ProcessOptions): Promise<RunningProcess> {
  const { args = [], env, cwd = ROOT, logFile, ready, onLine } = options;
  const lines: string[] = [];
  let becomesReady = () => {};
  const isReady = new Promise<void>((resolve) => {
    becomesReady = resolve;
  });
  const child = await Child.start({
    ...{ command: process.execPath, args: [file, ...args], stopSignal: 'SIGTERM' },
    ...{ env: { ...process.env, ...env }, cwd, logFile },
    onLine(line) {
      onLine?.(line);
      lines.push(line);
      if (lines.length > SHOWN) lines.shift();
      if (line.includes(ready)) becomesReady();
    },
  });
  const late = new Promise<'late'>((resolve) => {
    setTimeout(resolve, scaled(READY_MS), 'late').unref();
  });
  const ended = await Promise.race([isReady, late, child.exited]);
  if (ended !== undefined) {
    child.kill();
    throw new Error(`${file} did not start: ${lines.join('\n')}`);
  }
  return {
    async kill() {
      if (child.running) child.kill();
      await child.exited;
    },
    async stop() {
      await child.stop(scaled(STOP_MS));
      return (await child.exited).code;
    },
  };
}
