// What `npm run bench -- --only temporal` starts for Temporal: a server with its data in memory, the bridge, and a process
// with the compiled worker of each workflow.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { namespace } from '../functions/_shared/compile/names.ts';
import type { RunningTemporal, TemporalTask } from '../scripts/bench/temporal.ts';
import { workerUrl } from '../scripts/stack/functions-env.ts';
import { ROOT } from '../scripts/stack/options.ts';
import { startProcess, WORK_FOLDER } from './processes.ts';
import { ensureNamespace, startServer } from './server/server.ts';

const run = promisify(execFile);

export function startTemporal(task: TemporalTask): RunningTemporal {
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const ready = start(task, ends).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { ready, stop };
}

async function start(task: TemporalTask, ends: (() => Promise<unknown>)[]): Promise<void> {
  const server = await startServer();
  ends.push(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  await ensureNamespace(connection, namespace(task.app));
  await connection.close();
  const env = {
    DATABASE_URL: workerUrl(task.databaseUrl),
    DATABASE_DIRECT: 'true',
    STEPBASE_DB_DIRECT: 'true',
    SUPABASE_URL: 'http://127.0.0.1:1',
    STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
    TEMPORAL_ADDRESS: server.address,
    BRIDGE_PORT: '0',
    LOG_LEVEL: 'info',
  };
  const bridge = await startProcess('temporal/bridge/main.ts', {
    ...{ env, logFile: join(task.logs, 'bridge.log') },
    ready: 'the health checks listen',
  });
  ends.push(() => bridge.stop());
  await mkdir(WORK_FOLDER, { recursive: true });
  const projects = await mkdtemp(join(WORK_FOLDER, 'bench-'));
  ends.push(() => rm(projects, { recursive: true, force: true }));
  for (const workflow of task.workflows) {
    const cwd = join(projects, workflow);
    const where = ['--app', task.app, '--db-url', task.databaseUrl, '--out', cwd];
    await run(process.execPath, ['scripts/compile.ts', workflow, ...where], { cwd: ROOT });
    const worker = await startProcess('src/worker.ts', {
      ...{ env, cwd, logFile: join(task.logs, `${workflow}.log`) },
      ready: 'the worker takes tasks',
    });
    ends.push(() => worker.stop());
  }
}
