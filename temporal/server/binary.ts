// The server of Temporal as one binary: the first in PATH, or built once from its Go module and kept in the cache folder
// of the user. Docker is not needed.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { delimiter, join } from 'node:path';

/** The version that the tests run with. */
export const SERVER_VERSION = 'v1.32.1';
const MODULE = 'go.temporal.io/server/cmd/server';
const NAMES = ['temporal-server'];

function cacheFolder(): string {
  const home =
    process.env.XDG_CACHE_HOME ??
    (platform() === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache'));
  return join(home, 'stepbase', 'temporal', SERVER_VERSION);
}

function inPath(names: readonly string[]): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const found = names.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why no test against Temporal can run here; undefined: one can. */
export function missing(): string | undefined {
  if (process.env.TEMPORAL_ADDRESS || existsSync(cachedBinary()) || inPath(NAMES)) return undefined;
  return spawnSync('go', ['version']).status === 0
    ? undefined
    : 'no TEMPORAL_ADDRESS, no temporal-server in PATH, and no Go to build it';
}

const cachedBinary = (): string => join(cacheFolder(), 'temporal-server');

/** The path of the binary. Builds it if there is none, which takes about eight minutes of processor time. */
export async function serverBinary(say: (line: string) => void = () => {}): Promise<string> {
  const cached = cachedBinary();
  const found = inPath(NAMES) ?? (existsSync(cached) ? cached : undefined);
  if (found !== undefined) return found;
  say(`Building Temporal ${SERVER_VERSION} with Go, once; this takes some minutes …`);
  const folder = join(cacheFolder(), `build-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  await run(
    'go',
    ['install', '-trimpath', '-ldflags=-s -w', `${MODULE}@${SERVER_VERSION}`],
    folder,
  );
  // Another process may have built it meanwhile: the last one replaces the file as a whole.
  renameSync(join(folder, 'server'), cached);
  return cached;
}

function run(command: string, args: readonly string[], gobin: string): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, GOBIN: gobin, CGO_ENABLED: '0' },
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args[0]} failed: ${errors}`)),
    );
  });
}
