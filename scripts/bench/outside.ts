// Starts the outside world of the bench, and ends it.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../stack/child.ts';

const PROGRAM = fileURLToPath(new URL('./outside-server.ts', import.meta.url));
const DEADLINE_MS = 10_000;

export interface Outside {
  url: string;
  stop(): Promise<void>;
}

export async function startOutside(dataDir: string): Promise<Outside> {
  let say: (port: string) => void = () => undefined;
  const spoken = new Promise<string>((resolve) => {
    say = resolve;
  });
  const child = await Child.start({
    command: process.execPath,
    args: [PROGRAM],
    env: { PATH: process.env.PATH },
    cwd: dataDir,
    logFile: join(dataDir, 'logs', 'outside.log'),
    onLine: (line) => say(line),
    stopSignal: 'SIGTERM',
  });
  const deadline = setTimeout(() => child.kill(), DEADLINE_MS);
  const port = await Promise.race([spoken, child.exited.then(() => undefined)]);
  clearTimeout(deadline);
  if (port === undefined)
    throw new Error('the HTTP server for steps with side effects did not start');
  return { url: `http://127.0.0.1:${port}/`, stop: () => child.stop(1_000) };
}
