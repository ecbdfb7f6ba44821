// Forwards a request to a function and streams the response back without buffering (SSE included).

import { Agent, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { sendJson } from './http.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Hosted gateways abort a function that has sent no data for this time. */
const IDLE_MS = 150_000;

export class ForwardProxy {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  forward(
    request: IncomingMessage,
    response: ServerResponse,
    target: { address: string; path: string; name: string },
  ): void {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined && !HOP_BY_HOP.has(name)) headers[name] = value;
    }
    const host = request.headers.host ?? '127.0.0.1';
    headers['x-forwarded-host'] = host;
    headers['x-forwarded-proto'] = 'http';
    headers['x-forwarded-for'] = request.socket.remoteAddress ?? '127.0.0.1';
    const upstream = send(
      new URL(target.path, target.address),
      {
        method: request.method,
        headers,
        agent: this.#agent,
        timeout: IDLE_MS,
      },
      (answer) => {
        response.statusCode = answer.statusCode ?? 502;
        for (const [name, value] of Object.entries(answer.headers)) {
          if (value !== undefined && !HOP_BY_HOP.has(name)) response.setHeader(name, value);
        }
        // The first event of a stream must not wait for a second one.
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      },
    );
    upstream.on('timeout', () => {
      sendJson(response, 504, { code: 'IDLE_TIMEOUT', message: `${target.name} did not answer` });
      upstream.destroy();
    });
    upstream.on('error', () => {
      sendJson(response, 503, {
        code: 'BOOT_ERROR',
        message: `Function ${target.name} is not running`,
      });
    });
    // A disconnected client aborts the request to the function. If the function responded before it had read the body,
    // the rest of the body is discarded: the next request on this connection waits behind it.
    response.on('close', () => {
      request.unpipe(upstream);
      request.resume();
      upstream.destroy();
    });
    request.pipe(upstream);
  }

  stop(): void {
    this.#agent.destroy();
  }
}
