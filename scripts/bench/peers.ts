// The peers: packages of their own that nobody needs but the bench, installed when it first asks for them,
// each run in a process of its own against its own database.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../stack/child.ts';

const FOLDER = fileURLToPath(new URL('./peers', import.meta.url));
const DEADLINE_MS = 300_000;

interface Lock {
  packages: Record<string, { version?: string }>;
}

/** What is installed is what the lock file says. */
function isInstalled(): boolean {
  const path = join(FOLDER, 'node_modules', '.package-lock.json');
  if (!existsSync(path)) return false;
  const read = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as Lock).packages;
  const present = read(path);
  const wanted = Object.entries(read(join(FOLDER, 'package-lock.json')));
  return wanted.every(([name, entry]) => name === '' || present[name]?.version === entry.version);
}

export function installPeers(say: (message: string) => void): void {
  if (isInstalled()) return;
  say('installing the peers (npm ci in scripts/bench/peers)');
  const { npm_execpath: cli } = process.env;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  const { status } = spawnSync(command, [...first, ...args], {
    cwd: FOLDER,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('the peers could not be installed; see above');
}

export type PeerName = 'dbos' | 'graphile-worker';

export interface PeerTask {
  url: string;
  runs: number;
  inFlight: number;
  warmUp: number;
  callingRuns: number;
  callingUrl: string;
  oneByOne: number;
  steps: number;
  jobs: number;
}

/** Runs the peer to its end; the last line it prints is its answer. */
export async function runPeer<T>(name: PeerName, task: PeerTask, dataDir: string): Promise<T> {
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
