// Compiled workflows in tests: starts them with the arguments that the bridge would send, and reads how they ended.

import { randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Version } from '../../functions/_shared/compile/index.ts';
import { edges, type Node } from '../../tests/engine/support.ts';
import { COMMAND_SIGNAL, type Command, type Json, type StartArgs } from '../records.ts';
import type { RunState, StepEnd } from '../runtime/plan.ts';
import { ensureNamespace } from '../server/server.ts';
import { namespace, taskQueue, workflowType } from './host.ts';

export const APP = 'acme';

let count = 0;

/** A version with a name of its own. */
export function version(nodes: Node[], lines: string[] = [], more: Partial<Version> = {}): Version {
  count += 1;
  const definition = { nodes, edges: edges(...lines) };
  return {
    app_code: APP,
    kebab_name: `test-${process.pid}-${count}`,
    name: 'Test',
    version: 1,
    definition,
    ...more,
  };
}

export interface Started {
  id: string;
  handle: WorkflowHandle;
  /** The execution that started; the handle is of the latest one. */
  firstRunId: string;
  send(command: Command): Promise<void>;
  progress(): Promise<RunState>;
}

export interface Temporal {
  address: string;
  connection: NativeConnection;
  client: Client;
  /** `queue`: of a host for several versions. */
  start(version: Version, input?: Json, queue?: string): Promise<Started>;
}

/** A client of the server, in the namespace of the application. */
export function temporal(): Temporal {
  const found = { address: inject('temporalAddress') } as Temporal;
  let connection: Connection;
  beforeAll(async () => {
    connection = await Connection.connect({ address: found.address });
    await ensureNamespace(connection, namespace(APP));
    found.connection = await NativeConnection.connect({ address: found.address });
    found.client = new Client({ connection, namespace: namespace(APP) });
  });
  afterAll(async () => {
    await Promise.all([connection.close(), found.connection.close()]);
  });
  found.start = async (of, input = {}, queue = undefined) => {
    const id = randomUUID();
    const type = workflowType(of.kebab_name, of.version);
    const started = await found.client.workflow.start(type, {
      workflowId: id,
      taskQueue: queue ?? taskQueue(of.app_code, type),
      args: [argsOf(of, id, input)],
    });
    const handle = found.client.workflow.getHandle(id);
    return {
      id,
      handle,
      firstRunId: started.firstExecutionRunId,
      send: (command) => handle.signal(COMMAND_SIGNAL, command),
      progress: () => handle.query<RunState>('stepbase_progress'),
    };
  };
  return found;
}

function argsOf(of: Version, id: string, input: Json): StartArgs {
  return {
    run: {
      id,
      app_code: of.app_code,
      workflow: of.kebab_name,
      version: of.version,
      workflow_version_id: randomUUID(),
      trace_id: id.replaceAll('-', ''),
      created_at: new Date().toISOString(),
    },
    input,
  };
}

/** The end of each step that has one, by node. */
export function endsOf({ steps }: RunState): Record<string, StepEnd> {
  const ended = Object.entries(steps).filter(([name, { end }]) => name.endsWith('/0') && end);
  return Object.fromEntries(ended.map(([name, { end }]) => [name.slice(0, -2), end as StepEnd]));
}
