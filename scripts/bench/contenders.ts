// The contenders: packages that only the benchmark needs. They are installed at its first run; each runs in a
// process of its own on a database of its own.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../stack/child.ts';
import type { Counted } from './costs.ts';

const FOLDER = fileURLToPath(new URL('./contenders', import.meta.url));
const DEADLINE_MS = 300_000;

interface Lock {
  packages: Record<string, { version?: string }>;
}

/** Whether the installed versions are those of the lock file. */
function isInstalled(): boolean {
  const path = join(FOLDER, 'node_modules', '.package-lock.json');
  if (!existsSync(path)) return false;
  const read = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as Lock).packages;
  const present = read(path);
  const wanted = Object.entries(read(join(FOLDER, 'package-lock.json')));
  return wanted.every(([name, entry]) => name === '' || present[name]?.version === entry.version);
}

export function installContenders(say: (message: string) => void): void {
  if (isInstalled()) return;
  say('installing the contenders (npm ci in scripts/bench/contenders)');
  const { npm_execpath: cli } = process.env;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  const { status } = spawnSync(command, [...first, ...args], {
    cwd: FOLDER,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('the contenders could not be installed; see above');
}

export type ContenderName = 'dbos' | 'openworkflow' | 'graphile-worker' | 'pg-boss';

export interface ContenderTask {
  url: string;
  runs: number;
  inFlight: number;
  warmUp: number;
  callingRuns: number;
  callingUrl: string;
  oneByOne: number;
  loneRuns: number;
  steps: number;
  jobs: number;
  /** The process id of the server. */
  postmaster: number;
  /** The measurements that a workflow engine makes. */
  work: EngineWork;
}

export interface EngineWork {
  /** Many runs with steps that do nothing. */
  steps: boolean;
  /** Such runs one after another. */
  one: boolean;
  /** Many runs with HTTP steps. */
  calling: boolean;
  /** Runs with HTTP steps one after another, calm and right after the many. */
  lone: boolean;
}

/** What a workflow engine measured; a missing figure was not asked for. */
export interface EngineResult {
  steps?: Counted;
  calling?: Counted;
  /** Milliseconds of each run. */
  each?: number[];
  calm?: number[];
  after_burst?: number[];
}

/** Runs the contender to its end; the last line of its output is the result. */
export async function runContender<T>(
  name: ContenderName,
  task: ContenderTask,
  dataDir: string,
): Promise<T> {
  const lines: string[] = [];
  const child = await Child.start({
    command: process.execPath,
    args: [join(FOLDER, `${name}.mjs`), JSON.stringify(task)],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' },
    cwd: FOLDER,
    logFile: join(dataDir, 'logs', `${name}.log`),
    onLine: (line) => lines.push(line),
    stopSignal: 'SIGTERM',
  });
  const deadline = setTimeout(() => child.kill(), DEADLINE_MS);
  const { code } = await child.exited;
  clearTimeout(deadline);
  await child.outputRead;
  if (code !== 0) throw new Error(`${name} failed:\n${lines.slice(-20).join('\n')}`);
  return JSON.parse(lines.at(-1) ?? '') as T;
}
