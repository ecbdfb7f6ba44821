// A child process in its own process group: its output goes to a log file, the watchdog guards it, and its stop is
// bounded.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, createWriteStream, fchmodSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { guard, unguard } from './watchdog.ts';

export interface ChildOptions {
  command: string;
  args: string[];
  env: Record<string, string | undefined>;
  cwd: string;
  /** The file for standard output and error; `onLine`, if given, also gets each line. */
  logFile: string;
  onLine?: (line: string) => void;
  uid?: number | undefined;
  gid?: number | undefined;
  /** The signal that asks the process to end. */
  stopSignal: 'SIGTERM' | 'SIGINT';
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class Child {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  /** Resolves after the exit, when every line has been passed on. */
  readonly outputRead: Promise<void>;
  readonly #process: ChildProcess;
  readonly #stopSignal: NodeJS.Signals;
  #running = true;

  private constructor(
    process: ChildProcess,
    pid: number,
    stopSignal: NodeJS.Signals,
    outputRead: Promise<void>,
  ) {
    this.#process = process;
    this.pid = pid;
    this.#stopSignal = stopSignal;
    this.outputRead = outputRead;
    this.exited = new Promise((resolve) => {
      process.once('exit', (code, signal) => {
        this.#running = false;
        unguard(pid);
        resolve({ code, signal });
      });
    });
  }

  static async start(options: ChildOptions): Promise<Child> {
    // Logs contain statements and data: only the owner reads them.
    mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o700 });
    const log = openSync(options.logFile, 'a', 0o600);
    fchmodSync(log, 0o600);
    const onLine = options.onLine;
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      // A group of its own: Ctrl-C reaches only the supervisor, which then stops all processes in order.
      detached: true,
      stdio: ['ignore', onLine ? 'pipe' : log, onLine ? 'pipe' : log],
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
    } catch (error) {
      closeSync(log);
      throw error;
    }
    const pid = child.pid;
    if (pid === undefined) throw new Error(`${options.command} did not start`);
    guard(pid, options.stopSignal === 'SIGINT' ? 'INT' : 'TERM');
    let outputRead = Promise.resolve();
    if (onLine) outputRead = pipeLines(child, log, onLine);
    else closeSync(log);
    return new Child(child, pid, options.stopSignal, outputRead);
  }

  get running(): boolean {
    return this.#running;
  }

  /** Asks the process to end, then kills it; resolves after its exit. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#running) return;
    this.#signalGroup(this.#stopSignal);
    const insist = setTimeout(() => this.#signalGroup('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(insist);
    // Processes that it started and did not stop are in its group.
    this.#signalGroup('SIGKILL');
  }

  kill(): void {
    this.#signalGroup('SIGKILL');
  }

  #signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group is already empty; the process itself may still be exiting.
      if (this.#running) this.#process.kill(signal);
    }
  }
}

/** Copies the output to the log file and passes it on line by line; resolves at its end. */
async function pipeLines(
  child: ChildProcess,
  log: number,
  onLine: (line: string) => void,
): Promise<void> {
  const file = createWriteStream('', { fd: log });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.all(
    streams.map((stream) => {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        file.write(chunk);
        const lines = (rest + chunk).split('\n');
        rest = (lines.pop() ?? '').slice(0, 64 * 1024);
        for (const line of lines) onLine(line);
      });
      return new Promise<void>((resolve) => {
        stream.once('close', () => {
          if (rest !== '') onLine(rest);
          resolve();
        });
      });
    }),
  );
  file.end();
}
