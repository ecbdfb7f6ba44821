// Broadcasts over HTTP: POST /api/broadcast (a batch) and
// POST /api/broadcast/:topic/events/:event (one message, JSON or bytes).

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pool } from 'pg';
import { z } from 'zod';
import { readBody } from '../body.ts';
import { writable } from './authorize.ts';
import type { Hub } from './hub.ts';
import { type Identities, type Identity, Refusal } from './identity.ts';
import { limits } from './limits.ts';
import type { MessageRate } from './message-rate.ts';
import { type Broadcast, jsonBroadcast } from './protocol.ts';

export interface HttpServices {
  pool: Pool;
  hub: Hub;
  identities: Identities;
  rate: MessageRate;
  log: (message: string) => void;
}

const batch = z.object({
  messages: z
    .array(
      z.object({
        topic: z.string().min(1),
        event: z.string().min(1),
        payload: z.record(z.string(), z.unknown()),
        private: z.boolean().nullish(),
      }),
    )
    .min(1)
    .max(limits.batchMessages),
});

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const ONE = /\/api\/broadcast\/([^/]+)\/events\/([^/]+)$/;

/** Returns false if the request is not for the HTTP API of Realtime. */
export async function handleHttp(
  services: HttpServices,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const one = ONE.exec(url.pathname);
  if (!one && !url.pathname.endsWith('/api/broadcast')) return false;
  try {
    if (request.method !== 'POST') throw new HttpError(405, 'Method not allowed');
    const identity = await caller(services.identities, request);
    const body = await readBody(
      request,
      limits.incomingBytes,
      () => new HttpError(413, 'Payload size exceeds tenant limit'),
    );
    if (one) {
      const [, topic = '', event = ''] = one.map(decodeURIComponent);
      await sendOne(services, identity, url, topic, event, broadcastOf(request, event, body));
    } else await sendBatch(services, identity, body);
    response.writeHead(202).end();
  } catch (error) {
    const status = error instanceof HttpError ? error.status : 500;
    if (status === 500) services.log(`HTTP broadcast: ${String(error)}`);
    const message = error instanceof HttpError ? error.message : 'Internal server error';
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: message, message }));
  }
  return true;
}

/** The token of the user if present, otherwise the API key. */
async function caller(identities: Identities, request: IncomingMessage): Promise<Identity> {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim();
  const key = request.headers.apikey ?? request.headers['x-api-key'];
  const token = bearer ?? (Array.isArray(key) ? key[0] : key);
  if (!token) throw new HttpError(401, 'Unauthorized');
  try {
    return await identities.of(token);
  } catch (error) {
    if (error instanceof Refusal) throw new HttpError(401, error.message);
    throw error;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'Invalid JSON');
  }
}

function broadcastOf(request: IncomingMessage, event: string, body: Buffer): Broadcast {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/octet-stream')) return { kind: 'binary', event, bytes: body };
  if (!type.startsWith('application/json')) throw new HttpError(415, 'Unsupported media type');
  return jsonBroadcast(event, JSON.stringify(parseJson(body)));
}

async function sendOne(
  { pool, hub, rate }: HttpServices,
  identity: Identity,
  url: URL,
  topic: string,
  event: string,
  broadcast: Broadcast,
): Promise<void> {
  if (topic === '' || event === '') throw new HttpError(422, 'topic and event are required');
  if ([...url.searchParams.keys()].some((name) => name.startsWith('persist'))) {
    throw new HttpError(422, 'Storing client broadcasts is not available in the embedded Realtime');
  }
  const isPrivate = url.searchParams.get('private') === 'true';
  if (isPrivate && !(await writable(pool, identity, topic, 'broadcast'))) {
    throw new HttpError(403, 'Unauthorized');
  }
  if (!rate.admits()) throw tooMany();
  hub.broadcast(topic, isPrivate, broadcast);
}

function tooMany(): HttpError {
  return new HttpError(429, 'You have exceeded your rate limit');
}

async function sendBatch(
  { pool, hub, rate }: HttpServices,
  identity: Identity,
  body: Buffer,
): Promise<void> {
  const parsed = batch.safeParse(parseJson(body));
  if (!parsed.success) throw new HttpError(422, z.prettifyError(parsed.error));
  if (!rate.admits(parsed.data.messages.length)) throw tooMany();
  const allowed = new Map<string, boolean>();
  for (const { topic, event, payload, private: isPrivate } of parsed.data.messages) {
    if (isPrivate && !allowed.has(topic)) {
      allowed.set(topic, await writable(pool, identity, topic, 'broadcast'));
    }
    // Messages that are not allowed are dropped without an error, as on a hosted project.
    if (isPrivate && allowed.get(topic) !== true) continue;
    hub.broadcast(topic, isPrivate === true, jsonBroadcast(event, JSON.stringify(payload)));
  }
}
