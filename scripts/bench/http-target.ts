// Starts and stops the HTTP server that the steps of the benchmark call.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../stack/child.ts';

const PROGRAM = fileURLToPath(new URL('./http-target-server.ts', import.meta.url));
const DEADLINE_MS = 10_000;

export interface HttpTarget {
  url: string;
  stop(): Promise<void>;
}

export async function startHttpTarget(dataDir: string): Promise<HttpTarget> {
  let onPort: (port: string) => void = () => undefined;
  const printed = new Promise<string>((resolve) => {
    onPort = resolve;
  });
  const child = await Child.start({
    command: process.execPath,
    args: [PROGRAM],
    env: { PATH: process.env.PATH },
    cwd: dataDir,
    logFile: join(dataDir, 'logs', 'httpTarget.log'),
    onLine: (line) => onPort(line),
    stopSignal: 'SIGTERM',
  });
  const deadline = setTimeout(() => child.kill(), DEADLINE_MS);
  const port = await Promise.race([printed, child.exited.then(() => undefined)]);
  clearTimeout(deadline);
  if (port === undefined) throw new Error('the HTTP server that steps call did not start');
  return { url: `http://127.0.0.1:${port}/`, stop: () => child.stop(1_000) };
}
