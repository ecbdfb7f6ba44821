// What the fake HTTP services share: a server on a free loopback port, request bodies, JSON answers.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readBody } from '../stack/body.ts';

export interface Received {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  /** Parsed when it is JSON, otherwise the text. */
  body: unknown;
  text: string;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as JSON unless it is a string. */
  body?: unknown;
  /** Sent as it is, with the content type of `headers`. */
  raw?: string | Uint8Array;
  /** Sent one after the other, with the content type of `headers`; the connection breaks if it throws. */
  parts?: AsyncIterable<string>;
  delayMs?: number;
}

export type Answer = (request: Received) => Reply | Promise<Reply>;

export interface HttpServer {
  url: string;
  stop(): Promise<void>;
}

const maxBody = 8 * 1024 * 1024;

/** Listens on `port` of 127.0.0.1; 0 is any free port. */
export async function serveHttp(answer: Answer, port = 0): Promise<HttpServer> {
  const open = new Set<ReturnType<typeof setTimeout>>();
  const server = createServer((incoming, response) => {
    void handle(incoming, response, answer, open);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      for (const timer of open) clearTimeout(timer);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  open: Set<ReturnType<typeof setTimeout>>,
): Promise<void> {
  let reply: Reply;
  try {
    reply = await answer(await receive(incoming));
    if (reply.parts) {
      await sendParts(response, reply, reply.parts);
      return;
    }
  } catch (error) {
    reply = {
      status: 500,
      body: { error: error instanceof Error ? error.message : String(error) },
    };
  }
  if (!reply.delayMs) {
    send(response, reply);
    return;
  }
  const timer = setTimeout(() => {
    open.delete(timer);
    send(response, reply);
  }, reply.delayMs);
  open.add(timer);
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const body = await readBody(incoming, maxBody, () => new Error('the body is too large'));
  const text = body.toString('utf8');
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers,
    body: parse(text, headers['content-type']),
    text,
  };
}

function parse(text: string, contentType = ''): unknown {
  if (!contentType.includes('json')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function sendParts(
  response: ServerResponse,
  { status, headers }: Reply,
  parts: AsyncIterable<string>,
): Promise<void> {
  response.writeHead(status ?? 200, headers);
  try {
    for await (const part of parts) response.write(part);
    response.end();
  } catch {
    response.destroy();
  }
}

function send(response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const headers = { ...reply.headers };
  let body: string | Uint8Array = reply.raw ?? '';
  if (reply.raw === undefined && reply.body !== undefined) {
    body = JSON.stringify(reply.body);
    headers['content-type'] ??= 'application/json';
  }
  response.writeHead(reply.status ?? 200, headers);
  response.end(body);
}
