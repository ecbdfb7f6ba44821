// A minimal pooler in transaction mode: each transaction of a client goes to the next of several server
// connections, so no statement can rely on a session. The pooler records statements that would.

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';

export interface TransactionPooler {
  url: string;
  /** Statements that need a session; the test expects none. */
  readonly violations: string[];
  /** The number of transactions on each server connection. */
  readonly carried: number[];
  stop(): Promise<void>;
}

const NEEDS_SESSION =
  /^\s*(un)?listen\b|^\s*set\s+(?!local\b)|^\s*prepare\b|^\s*declare\b.*\bwith hold\b|create\s+temp|pg_(try_)?advisory_(un)?lock(_shared)?\s*\(|set_config\([^)]*,\s*false\s*\)/i;

interface ServerConnection {
  socket: Socket;
  client: pg.Client;
  busy: boolean;
}

/** Cuts a stream into messages: a type byte (none in the first message of a client) and a length. */
function framer(hasType: () => boolean, onMessage: (type: string, message: Buffer) => void) {
  let buffer = Buffer.alloc(0);
  return (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const head = hasType() ? 1 : 0;
      if (buffer.length < head + 4) return;
      const size = head + buffer.readInt32BE(head);
      if (buffer.length < size) return;
      const message = buffer.subarray(0, size);
      buffer = buffer.subarray(size);
      onMessage(head === 1 ? String.fromCharCode(message[0] ?? 0) : '', message);
    }
  };
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const READY = message('Z', Buffer.from('I'));
const WELCOME = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  ...Object.entries({ server_version: '18.0', client_encoding: 'UTF8', DateStyle: 'ISO, MDY' }).map(
    ([name, value]) => message('S', Buffer.from(`${name}\0${value}\0`)),
  ),
  message('K', Buffer.alloc(8)),
  READY,
]);

export async function startTransactionPooler(
  databaseUrl: string,
  size = 4,
): Promise<TransactionPooler> {
  const violations: string[] = [];
  const carried: number[] = Array(size).fill(0);
  const servers: ServerConnection[] = [];
  const waiting: (() => void)[] = [];
  let turn = 0;

  for (let i = 0; i < size; i += 1) {
    const client = new pg.Client({ connectionString: databaseUrl });
    client.on('error', () => undefined);
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners('data');
    servers.push({ socket: stream, client, busy: false });
  }

  async function acquire(): Promise<ServerConnection> {
    for (;;) {
      for (let i = 0; i < size; i += 1) {
        const index = (turn + i) % size;
        const server = servers[index];
        if (!server || server.busy) continue;
        server.busy = true;
        turn = index + 1;
        carried[index] = (carried[index] ?? 0) + 1;
        return server;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  function serve(client: Socket): void {
    let started = false;
    let server: ServerConnection | undefined;
    let work = Promise.resolve();

    async function forward(sent: Buffer): Promise<void> {
      if (!server) {
        const acquired = await acquire();
        server = acquired;
        const onData = framer(
          () => true,
          (type, answer) => {
            client.write(answer);
            if (type !== 'Z' || answer[5] !== 'I'.charCodeAt(0)) return;
            acquired.socket.removeListener('data', onData);
            acquired.busy = false;
            server = undefined;
            waiting.shift()?.();
          },
        );
        acquired.socket.on('data', onData);
      }
      server.socket.write(sent);
    }

    const gathered: Buffer[] = [];
    client.on(
      'data',
      framer(
        () => started,
        (type, sent) => {
          if (!started) {
            // The answer to SSLRequest is no; the start-up message opens the session.
            if (sent.readInt32BE(4) === 80877103) client.write('N');
            else {
              started = true;
              client.write(WELCOME);
            }
            return;
          }
          if (type === 'X') return void client.end();
          if (type === 'P' || type === 'Q') {
            const [name = '', text = ''] = sent.toString('utf8', 5).split('\0');
            const sql = type === 'Q' ? name : text;
            if (type === 'P' && name !== '') violations.push(`named statement: ${sql}`);
            if (NEEDS_SESSION.test(sql)) violations.push(sql);
          }
          gathered.push(sent);
          if (type !== 'Q' && type !== 'S') return;
          // One round trip at a time: the next may belong to another transaction.
          const batch = Buffer.concat(gathered.splice(0));
          work = work.then(() => forward(batch));
        },
      ),
    );
    client.on('error', () => client.destroy());
  }

  const proxy: Server = createServer(serve);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    violations,
    carried,
    async stop() {
      await new Promise((resolve) => {
        proxy.close(resolve);
        for (const { socket } of servers) socket.destroy();
      });
    },
  };
}
