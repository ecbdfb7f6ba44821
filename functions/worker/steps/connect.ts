// Connections of steps: a request is sent to an address that the egress check has seen, never to a second answer of
// DNS. The Host header, SNI and the verification of the certificate keep the name of the URL.

import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import process from 'node:process';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AnswerHeaders, hasBody } from './answers.ts';
import { type Agents, createAgents, type PooledOptions, usedAgain } from './connection-pool.ts';

export interface HttpRequest {
  method: string;
  headers: Headers;
  body?: string | Uint8Array | undefined;
  signal: AbortSignal;
  /** Safe calls of an app may use its connections again. */
  appCode: string;
}

export interface HttpResponse {
  status: number;
  headers: AnswerHeaders;
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection of a body that is not read. */
  discard(): Promise<void>;
}

/** `addresses`: the checked addresses of the host. Undefined if the policy allows every address. */
export type Connect = (
  url: URL,
  request: HttpRequest,
  addresses: readonly string[] | undefined,
) => Promise<HttpResponse>;

/** Methods that change nothing at the receiver, so that it does not matter if it gets such a request twice. */
const SAFE = new Set(['GET', 'HEAD']);

/**
 * Connects to the checked addresses, in their order; for runtimes whose node:http uses a `lookup` function.
 *
 * Only safe requests use a connection again. The server may close it at the same moment, and nothing tells whether it
 * has seen the request: a safe one is repeated once, on a new connection, and any other one must not be.
 */
export function createPinnedConnect(options: { ca?: string } = {}): Connect {
  const agents = createAgents(options);
  return async (url, call, addresses) => {
    if (!SAFE.has(call.method)) return await send(url, call, addresses, agents.single);
    let isReused = false;
    const onBroken = (request: ClientRequest) => {
      isReused = usedAgain(request);
    };
    try {
      return await send(url, call, addresses, agents.pooled, onBroken);
    } catch (error) {
      if (!isReused || call.signal.aborted) throw error;
      return await send(url, call, addresses, agents.single);
    }
  };
}

function send(
  url: URL,
  { method, headers, body, signal, appCode }: HttpRequest,
  addresses: readonly string[] | undefined,
  agents: Agents,
  onBroken: (request: ClientRequest) => void = () => {},
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:';
    const sent = new Headers(headers);
    if (!sent.has('accept-encoding')) sent.set('accept-encoding', 'gzip, br');
    if (body !== undefined) {
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
      sent.set('content-length', String(bytes.byteLength));
    }
    const options: PooledOptions = {
      method,
      headers: Object.fromEntries(sent),
      agent: isSecure ? agents.https : agents.http,
      // Another app, or another answer of DNS, gets another connection.
      pool: [appCode, ...(addresses ?? []).toSorted()].join(' '),
      ...(addresses === undefined ? {} : { lookup: answerWith(addresses) }),
    };
    const request = (isSecure ? requestHttps : requestHttp)(url.href, options, (message) =>
      resolve(responseOf(message, method)),
    );
    const onAbort = () => request.destroy(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    request.on('close', () => signal.removeEventListener('abort', onAbort));
    request.on('error', (error) => {
      onBroken(request);
      reject(error);
    });
    if (signal.aborted) onAbort();
    else request.end(body);
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('the call was aborted');
}

/** A resolver with a fixed answer: the socket cannot reach any other address. */
function answerWith(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return (hostname, options, callback) => {
    const { family } = options;
    const usable = entries.filter((entry) => !family || entry.family === family);
    const [first] = usable;
    if (first === undefined) {
      const error: NodeJS.ErrnoException = new Error(`${hostname} has no usable address`);
      error.code = 'ENOTFOUND';
      callback(error, '');
    } else if (options.all) {
      callback(null, usable);
    } else {
      callback(null, first.address, first.family);
    }
  };
}

function responseOf(message: IncomingMessage, method: string): HttpResponse {
  const headers = new AnswerHeaders(pairsOf(message.rawHeaders));
  const status = message.statusCode ?? 0;
  const body = hasBody(method, status) ? decoded(message, headers) : message;
  return {
    status,
    headers,
    body,
    discard() {
      message.destroy();
      return Promise.resolve();
    },
  };
}

/** Names and values in turn. */
function* pairsOf(raw: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at] ?? '', raw[at + 1] ?? ''];
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** As in fetch: a decoded body has neither its encoding nor its length on the wire. */
function decoded(message: IncomingMessage, headers: AnswerHeaders): AsyncIterable<Uint8Array> {
  const decoder = decoders[headers.get('content-encoding')?.trim().toLowerCase() ?? ''];
  if (decoder === undefined) return message;
  headers.delete('content-encoding');
  headers.delete('content-length');
  // The decoder ends with the error of the connection, and the connection with the decoder.
  return pipeline(message, decoder(), () => undefined);
}

/**
 * For hosted Edge Functions, whose fetch resolves the name itself: the egress check comes directly before the
 * call, but the name could have another address a moment later.
 */
export const connectByFetch: Connect = async (url, { method, headers, body, signal }) => {
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal,
    ...(body === undefined ? {} : { body: body as BodyInit }),
  });
  return {
    status: response.status,
    headers: new AnswerHeaders(response.headers),
    body: response.body ?? nothing(),
    discard: async () => await response.body?.cancel(),
  };
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The oldest Deno whose node:http is known to use a `lookup` function. */
const FIRST_PINNING = [2, 9] as const;

/** Whether this runtime connects to a given address: Deno of a resident worker does, hosted Edge Functions do not. */
export function canPin(
  runtime: { isEdge: boolean; version: string } = {
    isEdge: 'EdgeRuntime' in globalThis,
    version: process.versions.deno ?? '',
  },
): boolean {
  const [major = 0, minor = 0] = runtime.version.split('.').map(Number);
  const [firstMajor, firstMinor] = FIRST_PINNING;
  const isNew = major > firstMajor || (major === firstMajor && minor >= firstMinor);
  return isNew && !runtime.isEdge;
}

export const createConnect = (): Connect => (canPin() ? createPinnedConnect() : connectByFetch);
