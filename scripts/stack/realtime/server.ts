// Supabase Realtime for the embedded stack: websockets and HTTP for clients, on PostgreSQL.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { StackPool } from '../postgres/close-pool.ts';
import type { ProjectKeys } from '../tokens.ts';
import { broadcastFeed } from './broadcast-feed.ts';
import type { Services } from './channel.ts';
import { Connection } from './connection.ts';
import { handleHttp } from './http.ts';
import { Hub } from './hub.ts';
import { Identities, type Identity } from './identity.ts';
import { limits } from './limits.ts';
import { MessageRate } from './message-rate.ts';
import { PostgresChanges } from './postgres-changes.ts';
import type { Version } from './protocol.ts';
import { UserLimits } from './user-limits.ts';

export interface RealtimeOptions extends ProjectKeys {
  /** A role that may replicate, bypass RLS and become anon, authenticated and service_role. */
  dbUrl: string;
  log?: (message: string) => void;
  /** Default: no limit. */
  rate?: MessageRate | undefined;
}

export interface Realtime {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Returns false if the request is not for Realtime. */
  handleHttp(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  stop(): Promise<void>;
}

const MAINTENANCE_MS = 3_600_000;

/** Resolves when the broadcast stream is running: no message committed afterwards is lost. */
export async function startRealtime(options: RealtimeOptions): Promise<Realtime> {
  const log = options.log ?? (() => undefined);
  const pool = new StackPool({
    connectionString: options.dbUrl,
    application_name: 'realtime',
    max: 4,
    connectionTimeoutMillis: limits.statementMs,
    statement_timeout: limits.statementMs,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', (error) => log(`database: ${error.message}`));
  const hub = new Hub();
  const identities = new Identities(options);
  const changes = new PostgresChanges(options.dbUrl, pool, hub, log);
  const users = new UserLimits();
  const rate = options.rate ?? new MessageRate(Number.POSITIVE_INFINITY);
  const feed = broadcastFeed(options.dbUrl, hub, rate, log);
  const services: Services = { pool, hub, identities, changes, users, rate, log };
  try {
    // Creates partitions for the coming days, and deletes subscriptions that an earlier server left.
    await pool.query('select realtime.maintain_messages()');
    await pool.query('delete from realtime.subscription');
    await feed.start();
  } catch (error) {
    await pool.stop();
    throw error;
  }

  const connections = new Set<Connection>();
  const websockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.incomingBytes,
    perMessageDeflate: false,
  });
  const maintenance = setInterval(() => {
    pool
      .query('select realtime.maintain_messages()')
      .catch((error: unknown) => log(`realtime.messages: ${String(error)}`));
  }, MAINTENANCE_MS);
  const idleCheck = setInterval(() => {
    const oldest = Date.now() - limits.idleMs;
    for (const connection of connections) {
      if (connection.lastHeard < oldest) connection.terminate();
    }
  }, limits.idleMs / 4);
  maintenance.unref();
  idleCheck.unref();

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    clearInterval(maintenance);
    clearInterval(idleCheck);
    for (const connection of connections) connection.close(1001, 'going away');
    // Does not wait for a client that does not respond to the close frame.
    const deadline = Date.now() + 500;
    while (connections.size > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const connection of connections) connection.terminate();
    await Promise.all([feed.stop(), changes.stop()]);
    await pool.stop();
  }

  function accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    version: Version,
    identity: Identity,
  ): void {
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      const connection = new Connection(services, websocket, version, identity);
      connections.add(connection);
      websocket.on('close', () => {
        connections.delete(connection);
        users.left(connection);
      });
    });
  }

  return {
    handleUpgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (!url.pathname.endsWith('/websocket')) return refuse(socket, '404 Not Found');
      if (stopping || connections.size >= limits.connections) {
        return refuse(socket, '503 Service Unavailable');
      }
      const header = request.headers['x-api-key'] ?? request.headers.apikey;
      const key = url.searchParams.get('apikey') ?? (Array.isArray(header) ? header[0] : header);
      const version = url.searchParams.get('vsn') === '2.0.0' ? '2.0.0' : '1.0.0';
      identities.of(key ?? '').then(
        (identity) => accept(request, socket, head, version, identity),
        () => refuse(socket, '401 Unauthorized'),
      );
    },
    async handleHttp(request, response) {
      return await handleHttp(services, request, response);
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
