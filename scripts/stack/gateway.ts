// The gateway: /auth/v1, /rest/v1, /realtime/v1, /storage/v1, /functions/v1 and the caught mails at /mail on one port.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AuthService } from './auth.ts';
import type { ProjectConfig } from './config-toml.ts';
import { BodyTooLarge, closeServer, listen, sendJson, sendResponse, toRequest } from './http.ts';
import type { Gatekeeper } from './identity.ts';
import type { MailCatcher } from './mail/catcher.ts';
import { admitOrigins } from './origins.ts';
import { ForwardProxy } from './proxy.ts';
import type { Realtime } from './realtime/server.ts';
import type { RestService } from './rest.ts';
import type { StorageService } from './storage.ts';

export interface GatewayOptions {
  port: number;
  host: string;
  apiUrl: string;
  auth: AuthService;
  rest: RestService;
  realtime: Realtime;
  storage: StorageService;
  gatekeeper: Gatekeeper;
  project: ProjectConfig;
  mail: Pick<MailCatcher, 'fetch'> | undefined;
  /** The address of a function; undefined for an unknown name. */
  functionAddress: (name: string) => string | undefined;
  onError: (message: string) => void;
}

export interface Gateway {
  stop(): Promise<void>;
}

const FUNCTION_CORS = {
  'access-control-allow-headers':
    'authorization, x-client-info, apikey, content-type, idempotency-key, last-event-id',
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
};

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const proxy = new ForwardProxy();

  const toFunction = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const name = /^\/functions\/v1\/([A-Za-z][A-Za-z0-9_-]*)(?=\/|$)/.exec(url.pathname)?.[1];
    const address = name === undefined ? undefined : options.functionAddress(name);
    if (name === undefined || address === undefined) {
      sendJson(response, 404, { code: 'NOT_FOUND', message: 'Requested function was not found' });
      return;
    }
    const verify = options.project.functions[name]?.verify_jwt ?? true;
    if (verify && request.method !== 'OPTIONS') {
      const headers = new Headers();
      for (const header of ['authorization', 'apikey'] as const) {
        const value = request.headers[header];
        if (typeof value === 'string') headers.set(header, value);
      }
      if (!(await options.gatekeeper.admitsFunction(headers))) {
        const missing = !headers.has('authorization') && !headers.has('apikey');
        sendJson(
          response,
          401,
          missing
            ? { code: 401, message: 'Missing authorization header' }
            : { code: 401, message: 'Invalid JWT' },
          FUNCTION_CORS,
        );
        return;
      }
    }
    const path = url.pathname.slice('/functions/v1'.length) + url.search;
    proxy.forward(request, response, { address, path, name });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', options.apiUrl);
    // For the container's health check.
    if (url.pathname === '/healthz') return sendJson(response, 200, { status: 'ok' });
    if (options.mail && /^\/mail(\/|$)/.test(url.pathname)) {
      const answer = await options.mail.fetch(await toRequest(request, options.apiUrl), url);
      if (answer) return await sendResponse(answer, response);
    }
    const [, service, version] = url.pathname.split('/');
    if (version === 'v1') {
      if (admitOrigins(service, request, response)) return;
      if (service === 'auth') {
        return await sendResponse(
          await options.auth.fetch(await toRequest(request, options.apiUrl)),
          response,
        );
      }
      if (service === 'rest') {
        return await sendResponse(
          await options.rest.fetch(await toRequest(request, options.apiUrl)),
          response,
        );
      }
      if (service === 'storage') {
        return await sendResponse(
          await options.storage.fetch(await toRequest(request, options.apiUrl)),
          response,
        );
      }
      if (service === 'functions') return await toFunction(request, response, url);
      if (service === 'realtime' && (await options.realtime.handleHttp(request, response))) return;
    }
    sendJson(response, 404, { message: 'no Route matched with those values' });
  };

  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (error instanceof BodyTooLarge) {
        sendJson(response, 413, { message: 'Request body is too large' });
        request.destroy();
        return;
      }
      // The client has disconnected: this is not an error of the gateway.
      if (response.destroyed) return;
      options.onError(`gateway: ${request.method} ${request.url}: ${String(error)}`);
      sendJson(response, 500, { message: 'An unexpected error occurred' });
    });
  });
  server.keepAliveTimeout = 65_000;
  // The server closes idle and active requests itself, but waits for upgraded sockets.
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    if (new URL(request.url ?? '/', options.apiUrl).pathname.startsWith('/realtime/v1/')) {
      options.realtime.handleUpgrade(request, socket, head);
    } else {
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
    }
  });
  await listen(server, options.port, options.host);

  return {
    stop: async () => {
      const closed = closeServer(server);
      for (const socket of upgraded) socket.destroy();
      await closed;
      proxy.stop();
    },
  };
}
