// Runs in Temporal as clients see them: a stack of its own, the bridge as a process that tests kill and restart, and
// workers with the compiled code of the workflows that a test publishes.

import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, inject } from 'vitest';
import { namespace, workflowType } from '../../../functions/_shared/compile/names.ts';
import { workerUrl } from '../../../scripts/stack/functions-env.ts';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import {
  type Ended,
  type Node,
  type Run,
  type TestApp,
  testApp,
} from '../../../tests/engine/support.ts';
import type { StackInfo } from '../../../tests/support/stack.ts';
import type { Json } from '../../../types/database.ts';
import { type RunningProcess, startProcess, WORK_FOLDER } from '../../processes.ts';
import { ensureNamespace } from '../../server/server.ts';
import {
  type Hosted,
  hostPrepared,
  type Prepared,
  prepareWorkflows,
  removePrepared,
} from '../host.ts';
import { type HostTask, READY } from '../host-main.ts';
import { version } from '../support.ts';

/** Starts `npm run bridge` and waits until it is ready. */
export function startBridge(env: Record<string, string>): Promise<RunningProcess> {
  return startProcess('temporal/bridge/main.ts', {
    env: { BRIDGE_PORT: '0', LOG_LEVEL: 'info', ...env },
    logFile: join(WORK_FOLDER, 'logs', 'bridge.log'),
    ready: 'the health checks listen',
  });
}

/** A connection to Temporal that a test can cut. */
export interface Wire {
  address: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startWire(to: string): Promise<Wire> {
  const [host = '', port = ''] = to.split(':');
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((from) => {
    if (isCut) return void from.destroy();
    const onward = createConnection(Number(port), host);
    for (const [socket, other] of [
      [from, onward],
      [onward, from],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    cut() {
      isCut = true;
      cutAll();
    },
    mend() {
      isCut = false;
    },
    async close() {
      cutAll();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Drawn {
  nodes: Node[];
  lines?: string[];
  /** Its history continues in a new one at this number of events. */
  maxEvents?: number;
  /** As for TestApp.publish. */
  more?: Parameters<TestApp['publish']>[2];
}

export interface BridgeTest {
  app: TestApp;
  info: StackInfo;
  /** Also in `env`, until the test changes it. */
  wire: Wire;
  env: Record<string, string>;
  /** Further variables of the workers that start later. */
  workerEnv: Record<string, string>;
  /** Publishes workflows whose runs execute in Temporal, and starts workers for them in this process. */
  publish(...drawn: Drawn[]): Promise<{ names: string[] }>;
  /** Publishes them without workers. `startWorkers` starts a process with workers that a test can kill. */
  publishOnly(
    ...drawn: Drawn[]
  ): Promise<{ names: string[]; startWorkers(): Promise<RunningProcess> }>;
  start(name: string, input?: Json): Promise<Run>;
  ended(run: { id: string }): Promise<Ended>;
}

/** One stack and one connection for the tests of a file. */
export function bridgeTest(): BridgeTest {
  const t = { workerEnv: {} } as BridgeTest;
  let stack: Stack;
  let connection: NativeConnection;
  const hosts: Hosted[] = [];
  const processes: RunningProcess[] = [];
  const prepared: Prepared[] = [];
  beforeAll(async () => {
    stack = await startThrowawayStack({ web: false });
    process.env.STEPBASE_TEST_STACK = stack.infoPath;
    const address = inject('temporalAddress');
    t.info = stack.info;
    t.app = await testApp(stack.info);
    t.wire = await startWire(address);
    t.env = {
      DATABASE_URL: workerUrl(stack.info.db_url),
      DATABASE_DIRECT: 'true',
      TEMPORAL_ADDRESS: t.wire.address,
    };
    // The workers of most tests start before the bridge, which would register it.
    const client = await Connection.connect({ address });
    await ensureNamespace(client, namespace('acme'));
    await client.close();
    connection = await NativeConnection.connect({ address });
  });
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await Promise.all(processes.map((process) => process.kill()));
    await Promise.all(prepared.map(removePrepared));
    await connection?.close();
    await t.wire?.close();
    await stack?.stop();
    delete process.env.STEPBASE_TEST_STACK;
  });

  /** Resolves with the names and the compiled code. */
  async function publishCompiled(drawn: readonly Drawn[]): Promise<[string[], Prepared]> {
    const names = await Promise.all(
      drawn.map(({ nodes, lines, more }) => t.app.publish(nodes, lines, more)),
    );
    const versions = drawn.map(({ nodes, lines }, at) => ({
      ...version(nodes, lines),
      kebab_name: names[at] ?? '',
    }));
    await t.app.db.query(
      `update stepbase.workflows set execution_engine = 'temporal' where kebab_name = any($1)`,
      [names],
    );
    await t.app.db.query(
      `insert into stepbase.workflow_compilations (
         app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
         temporal_workflow_type
       )
       select w.app_code, w.published_version_id, '', '', '', '', '', n.type
       from unnest($1::text[], $2::text[]) as n (name, type)
       join stepbase.workflows w on w.kebab_name = n.name`,
      [names, versions.map((of) => workflowType(of.kebab_name, of.version))],
    );
    const limits = new Map(drawn.map(({ maxEvents }, at) => [names[at], maxEvents]));
    const code = await prepareWorkflows({
      versions,
      edit(text, workflow) {
        const maxEvents = limits.get(workflow);
        return maxEvents ? text.replace(/\bread: /, `maxEvents: ${maxEvents}, read: `) : text;
      },
    });
    prepared.push(code);
    return [names, code];
  }
  const workerEnv = () => ({
    DATABASE_URL: t.env.DATABASE_URL ?? '',
    STEPBASE_DB_DIRECT: 'true',
    SUPABASE_URL: stack.info.api_url,
    SUPABASE_SECRET_KEY: stack.info.secret_key,
    ...t.workerEnv,
  });

  t.publish = async (...drawn) => {
    const [names, code] = await publishCompiled(drawn);
    hosts.push(await hostPrepared(code, { connection, env: workerEnv() }));
    return { names };
  };
  t.publishOnly = async (...drawn) => {
    const [names, code] = await publishCompiled(drawn);
    const startWorkers = async () => {
      const address = inject('temporalAddress');
      const task: HostTask = { prepared: code, address, env: workerEnv() };
      const started = await startProcess('temporal/tests/host-main.ts', {
        args: [JSON.stringify(task)],
        env: {},
        logFile: join(WORK_FOLDER, 'logs', 'workers.log'),
        ready: READY,
      });
      processes.push(started);
      return started;
    };
    return { names, startWorkers };
  };
  t.start = (name, input = {}) => t.app.start(name, input);
  t.ended = ({ id }) => t.app.ended(id, 120_000);
  return t;
}
