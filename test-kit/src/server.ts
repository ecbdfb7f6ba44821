// The server and the databases of this process. Its kits share one server, which stops after the last of them; with a
// server for the whole test run (./global-setup.ts) they only connect. Each kit gets a copy of the template database,
// and the copy for the next one is made meanwhile.

import { randomUUID } from 'node:crypto';
import { onDatabase, withClient } from '../../scripts/stack/postgres/connection.ts';
import { type Server, startServer, TEMPLATE } from './cluster.ts';

/** The server of the test run, for the processes of its files. */
export const SERVER_VARIABLE = 'STEPBASE_TEST_SERVER';

export interface KitDatabase {
  /** As postgres, the owner. */
  url: string;
  /** As the role of workers. */
  workerUrl: string;
  drop(): Promise<void>;
}

let users = 0;
let running: Promise<Server> | undefined;
let ahead: Promise<string> | undefined;
let stopping: Promise<void> = Promise.resolve();

async function open(): Promise<Server> {
  await stopping;
  const shared = process.env[SERVER_VARIABLE];
  if (!shared) return await startServer();
  const { password } = new URL(shared);
  return { adminUrl: shared, password, stop: async () => undefined };
}

async function clone(server: Server): Promise<string> {
  const name = `kit_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  await withClient(server.adminUrl, (client) =>
    client.query(`create database ${name} template ${TEMPLATE} strategy file_copy owner postgres`),
  );
  return name;
}

const drop = (server: Server, name: string) =>
  withClient(server.adminUrl, async (client) => {
    await client.query(`drop database if exists ${name} with (force)`);
  });

async function leave(server: Server): Promise<void> {
  users -= 1;
  if (users > 0) return;
  const left = ahead;
  running = undefined;
  ahead = undefined;
  stopping = (async () => {
    const name = await left?.catch(() => undefined);
    if (name !== undefined) await drop(server, name);
    await server.stop();
  })();
  await stopping;
}

export async function openDatabase(): Promise<KitDatabase> {
  users += 1;
  let server: Server;
  try {
    running ??= open();
    server = await running;
  } catch (error) {
    users -= 1;
    running = undefined;
    throw error;
  }
  try {
    const given = ahead ?? clone(server);
    ahead = undefined;
    const name = await given;
    ahead = clone(server);
    ahead.catch(() => undefined);
    const login = (role: string) => {
      const url = new URL(onDatabase(server.adminUrl, name));
      url.username = role;
      return url.href;
    };
    let dropped: Promise<void> | undefined;
    return {
      url: login('postgres'),
      workerUrl: login('stepbase_worker'),
      drop() {
        dropped ??= drop(server, name).finally(() => leave(server));
        return dropped;
      },
    };
  } catch (error) {
    await leave(server);
    throw error;
  }
}
