// Runs `npm start` as a process and observes its output, its stack.json and its descendants.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../scripts/stack/options.ts';
import type { StackInfo } from '../../scripts/stack/stack.ts';
import { atFileEnd } from '../support/file-end.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const READY_MS = scaled(60_000);
const EXIT_MS = scaled(45_000);

export interface Started {
  pid: number;
  output(): string;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

export async function dataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stepbase-start-'));
  atFileEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function exited(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('did not exit in time')), deadlineMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Runs scripts/start.ts as npm does, with these arguments. */
export function start(...args: string[]): Started {
  return run('node', ['scripts/start.ts', ...args]);
}

/** Runs scripts/start.ts on an existing server. */
export function startOn(databaseUrl: string, ...args: string[]): Started {
  return run('node', ['scripts/start.ts', ...args], { DATABASE_URL: databaseUrl });
}

/** Runs `npm start -- …`: npm, its shell, and the stack below. */
export function npmStart(...args: string[]): Started {
  return run('npm', ['start', '--', ...args]);
}

function run(command: string, args: string[], over: NodeJS.ProcessEnv = {}): Started {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (name === 'DATABASE_URL' || name.startsWith('npm_')) delete env[name];
  }
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...env, ...over },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  atFileEnd(async () => {
    child.kill('SIGTERM');
    await exited(child, EXIT_MS);
  });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const exit = exited(child, READY_MS + EXIT_MS).then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
  }));
  exit.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exit,
    kill: (signal) => child.kill(signal),
  };
}

export async function ready(stack: Started, folder: string): Promise<StackInfo> {
  const path = join(folder, 'stack.json');
  let gone = false;
  void stack.exit.then(
    () => {
      gone = true;
    },
    () => undefined,
  );
  await waitFor(
    'the stack is ready',
    () => {
      if (gone) throw new Error(`the stack ended while starting:\n${stack.output()}`);
      return existsSync(path) && stack.output().includes('Stepbase is ready');
    },
    READY_MS,
  );
  return JSON.parse(readFileSync(path, 'utf8')) as StackInfo;
}

/** Every process below this one. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // The process ended meanwhile.
    }
  }
  const below = (of: number): number[] =>
    (children.get(of) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

export function alive(pids: number[]): number[] {
  return pids.filter((pid) => {
    try {
      // A zombie has ended; only its parent has not read its exit code yet.
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  });
}
