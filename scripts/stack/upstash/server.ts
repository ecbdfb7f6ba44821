// The Upstash Redis REST protocol for the unmodified @upstash/redis and @upstash/ratelimit, on a real Redis or an
// in-memory one.

import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { streamSubscription } from './event-stream.ts';
import { limits } from './limits.ts';
import { RedisBackend } from './redis-backend.ts';
import { encodeReply } from './replies.ts';
import { BadRequest, readWish, type Wish } from './requests.ts';

export interface UpstashOptions {
  /** 0 means a free port. */
  port: number;
  token: string;
  /** The URL of a real Redis; in memory if not set. */
  redisUrl?: string;
  host?: string;
  /** The size of the in-memory Redis. */
  memoryBytes?: number;
  log?: (message: string) => void;
}

export interface Upstash {
  url: string;
  stop(): Promise<void>;
}

export async function startUpstash(options: UpstashOptions): Promise<Upstash> {
  const { host = '127.0.0.1', token } = options;
  const log = options.log ?? (() => undefined);
  const { redisUrl, memoryBytes } = options;
  const backend = await RedisBackend.start(
    {
      ...(redisUrl === undefined ? {} : { redisUrl }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    },
    log,
  );
  let subscribers = 0;
  const sockets = new Set<Socket>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!authorized(request, url, token)) throw new BadRequest('Unauthorized', 401);
    const wish = await readWish(request, url);
    if (wish.kind !== 'subscription') {
      const base64 = request.headers['upstash-encoding'] === 'base64';
      return sendJson(response, 200, await answer(wish, base64));
    }
    if (subscribers >= limits.subscribers)
      throw new BadRequest('ERR max number of clients reached');
    subscribers += 1;
    response.on('close', () => {
      subscribers -= 1;
    });
    await streamSubscription(backend, response, wish.word, wish.names);
  }

  async function answer(
    wish: Exclude<Wish, { kind: 'subscription' }>,
    base64: boolean,
  ): Promise<unknown> {
    if (wish.kind === 'command') return encodeReply(await backend.run(wish.command), base64);
    if (wish.kind === 'transaction') {
      const replies = await backend.transaction(wish.commands);
      return replies.map((reply) => encodeReply(reply, base64));
    }
    const replies: unknown[] = [];
    for (const command of wish.commands) {
      // In order; a failed command does not stop the others.
      replies.push(await backend.run(command).catch((error: unknown) => error));
    }
    return replies.map((reply) => encodeReply(reply, base64));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const status = error instanceof BadRequest ? error.status : 400;
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else sendJson(response, status, { error: message });
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, host, resolve);
    });
  } catch (error) {
    await backend.stop();
    throw error;
  }
  const { port } = server.address() as AddressInfo;

  let stopping: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    stop() {
      stopping ??= (async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        // Event streams and keep-alive connections must be closed.
        for (const socket of sockets) socket.destroy();
        await closed;
        await backend.stop();
      })();
      return stopping;
    },
  };
}

function authorized(request: IncomingMessage, url: URL, token: string): boolean {
  const bearer = /^Bearer\s+(.*)$/i.exec(request.headers.authorization ?? '')?.[1];
  const given = Buffer.from(bearer ?? url.searchParams.get('_token') ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
