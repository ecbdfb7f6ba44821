// A server of Temporal for tests and the benchmark: the one of TEMPORAL_ADDRESS, or a process of its own on free
// ports of the loopback interface.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { Child } from '../../scripts/stack/child.ts';
import { serverBinary } from './binary.ts';
import { DYNAMIC_CONFIG, type ServerPorts, serverConfig } from './config.ts';

const READY_MS = 60_000;

export interface TemporalServer {
  address: string;
  /** Ends the process at once, as a crash would; nothing for the server of TEMPORAL_ADDRESS. */
  kill(): Promise<void>;
  /** Starts it again on the same address, with its data if it has a file. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** The data outlives the process, in this folder. */
  folder?: string;
  say?: (line: string) => void;
}

/** Free now; nothing keeps another process from taking them before the server does. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function startServer(options: ServerOptions = {}): Promise<TemporalServer> {
  const given = process.env.TEMPORAL_ADDRESS;
  if (given) {
    const nothing = () => Promise.resolve();
    return { address: given, kill: nothing, start: nothing, stop: nothing };
  }
  const binary = await serverBinary(options.say);
  const folder = await mkdtemp(join(tmpdir(), 'stepbase-temporal-'));
  const [frontend = 0, http = 0, history = 0, matching = 0, worker = 0, ...membership] =
    await freePorts(9);
  const ports = { frontend, http, history, matching, worker, membership } as unknown as ServerPorts;
  if (options.folder !== undefined) await mkdir(options.folder, { recursive: true });
  const file = options.folder === undefined ? undefined : join(options.folder, 'temporal.db');
  const dynamic = join(folder, 'dynamic.yaml');
  await writeFile(dynamic, DYNAMIC_CONFIG);
  await writeFile(join(folder, 'server.yaml'), serverConfig(ports, dynamic, file));
  const address = `127.0.0.1:${frontend}`;
  let child: Child | undefined;
  let output = '';

  async function start(): Promise<void> {
    // Its watchdog ends the server when this process ends without doing so.
    child = await Child.start({
      command: binary,
      args: ['--config-file', join(folder, 'server.yaml'), '--allow-no-auth', 'start'],
      env: process.env,
      cwd: folder,
      logFile: join(folder, 'server.log'),
      onLine(line) {
        output = `${output}${line}\n`.slice(-8_000);
      },
      stopSignal: 'SIGTERM',
    });
    await ready(address, child, () => output);
  }

  async function kill(): Promise<void> {
    if (child?.running) child.kill();
    await child?.exited;
  }

  await start();
  return {
    address,
    start,
    kill,
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(address: string, child: Child, output: () => string): Promise<void> {
  const until = Date.now() + READY_MS;
  for (;;) {
    if (!child.running) throw new Error(`Temporal did not start: ${output()}`);
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1_000 });
      await connection.workflowService.getSystemInfo({});
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > until)
        throw new Error(`Temporal does not answer: ${output()}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Registers the namespace unless it exists, and waits until it can be used. */
export async function ensureNamespace(connection: Connection, namespace: string): Promise<void> {
  const service = connection.workflowService;
  await service
    .registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    })
    .catch((error: { code?: number }) => {
      // ALREADY_EXISTS
      if (error.code !== 6) throw error;
    });
  const until = Date.now() + READY_MS;
  for (;;) {
    try {
      // Frontends learn of a new namespace after a moment.
      await service.listOpenWorkflowExecutions({ namespace, maximumPageSize: 1 });
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
