// Connections that are used again: a step that calls the same host a moment later saves the connection and the TLS
// handshake. Only calls of the same app and of the same checked addresses share one.
//
// On a reused connection, node:http of Deno repeats a request that is aborted or whose connection breaks, although the
// receiver may have it already. It does so for requests with `reusedSocket`, so the agents clear that flag, and the
// caller decides: see connect.ts.

import { type AgentOptions, type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Servers close idle connections, most of them after five seconds or more; a call must not meet that. */
const IDLE_MS = 1_000;
/** Idle connections to one host, of one app. */
const MAX_IDLE = 50;

/** Requests with the same `pool` may share a connection to their host. */
export interface PooledOptions extends RequestOptions {
  pool: string;
}

/** The agent closes a connection that is idle for `timeout`, or sooner if the server announces that it closes it. */
const SETTINGS: AgentOptions = { keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS };

/** An idle connection must not receive anything: the next call would take it for its answer. */
function closeOnData(this: Duplex): void {
  this.destroy();
}

const onReused = new WeakSet<ClientRequest>();

/** Whether the request was sent on a connection that had served another one. */
export const usedAgain = (request: ClientRequest): boolean => onReused.has(request);

/** Replaces hooks that node:http documents; `keepSocketAlive` returns whether the connection is kept. */
function pooled<A extends HttpAgent>(agent: A): A {
  const given = {
    getName: agent.getName.bind(agent),
    keepSocketAlive: agent.keepSocketAlive.bind(agent) as (socket: Duplex) => unknown,
    reuseSocket: agent.reuseSocket.bind(agent),
  };
  return Object.assign(agent, {
    getName: (options?: Partial<PooledOptions>) =>
      `${given.getName(options)}:${options?.pool ?? ''}`,
    keepSocketAlive(socket: Socket) {
      if (given.keepSocketAlive(socket) !== true) return false;
      socket.on('data', closeOnData);
      return true;
    },
    reuseSocket(socket: Socket, request: ClientRequest) {
      given.reuseSocket(socket, request);
      socket.off('data', closeOnData);
      request.reusedSocket = false;
      onReused.add(request);
    },
  });
}

export interface Agents {
  http: HttpAgent;
  https: HttpsAgent;
}

/** `pooled` agents use connections again; `single` ones open one for each call. */
export function createAgents(options: { ca?: string }): Record<'pooled' | 'single', Agents> {
  return {
    pooled: {
      http: pooled(new HttpAgent(SETTINGS)),
      https: pooled(new HttpsAgent({ ...SETTINGS, ...options })),
    },
    single: {
      http: new HttpAgent({ keepAlive: false }),
      https: new HttpsAgent({ keepAlive: false, ...options }),
    },
  };
}
