// Starts workers of compiled workflows in a process of their own (host-main.ts), which a test can kill as a crash would.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../tests/support/stack.ts';
import type { Prepared } from './host.ts';
import { READY } from './host-main.ts';

export interface Task {
  prepared: Prepared;
  address: string;
  env: Record<string, string>;
  queue?: string;
}

export interface HostProcess {
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Resolves when the workers poll their task queues. */
export async function startHostProcess(task: Task): Promise<HostProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    [fileURLToPath(new URL('host-main.ts', import.meta.url)), JSON.stringify(task)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await waitFor(
    'the workers run',
    () => {
      if (child.exitCode !== null) throw new Error(`the workers ended: ${output}`);
      return output.includes(READY);
    },
    60_000,
  );
  const end = async (signal: NodeJS.Signals) => {
    // Nothing happens to a process that has ended.
    child.kill(signal);
    return (await ended)[0];
  };
  return {
    async kill() {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
