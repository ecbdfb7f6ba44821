// Connections: the address is the checked one, and the name stays that of the URL.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { cert, host, key } from '../../../scripts/fakes/certificate.ts';
import {
  canPin,
  connectByFetch,
  createPinnedConnect,
  type HttpRequest,
  type HttpResponse,
} from './connect.ts';
import { afterAll } from './testing.ts';

const text = 'x'.repeat(100_000);

const received: (string | undefined)[] = [];
/** Called when a request has arrived. */
let onReceived: () => void = () => {};

function answer(request: IncomingMessage, response: ServerResponse): void {
  received.push(request.url);
  onReceived();
  if (request.url === '/gzip') {
    response.setHeader('content-encoding', 'gzip').end(gzipSync(text));
  } else if (request.url === '/br') {
    response.setHeader('content-encoding', 'br').end(brotliCompressSync(text));
  } else if (request.url === '/cut') {
    response.setHeader('content-encoding', 'gzip').write(gzipSync(text).subarray(0, 50));
    setTimeout(() => response.destroy(), 20);
  } else if (request.url === '/never') {
    request.resume();
  } else if (request.url === '/break') {
    request.socket.destroy();
  } else if (request.url === '/slow') {
    setTimeout(() => response.end('slow'), 1_300);
  } else if (request.url === '/none') {
    response.writeHead(204).end();
  } else {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      response.setHeader('x-host', request.headers.host ?? '');
      response.end(`${request.method} ${body}`);
    });
  }
}

const plain = createServer(answer);
const secure = createSecureServer({ cert, key }, answer);
await Promise.all(
  [plain, secure].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
);
afterAll(async () => {
  await Promise.all(
    [plain, secure].map((server) => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    }),
  );
});

const portOf = (server: typeof plain | typeof secure) => (server.address() as AddressInfo).port;
const http = (path: string) => new URL(`http://${host}:${portOf(plain)}${path}`);
const https = (path: string) => new URL(`https://${host}:${portOf(secure)}${path}`);
const loopback = ['127.0.0.1'];

type Overrides = Partial<Pick<HttpRequest, 'method' | 'body' | 'signal' | 'appCode'>>;

function request(overrides: Overrides = {}) {
  const { signal } = new AbortController();
  return { method: 'GET', headers: new Headers(), signal, appCode: 'acme', ...overrides };
}

async function read(response: HttpResponse): Promise<string> {
  const decoder = new TextDecoder();
  let all = '';
  for await (const chunk of response.body) all += decoder.decode(chunk, { stream: true });
  return all + decoder.decode();
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? `${error.name} ${error.message}` : String(error)),
  );

const pinned = createPinnedConnect({ ca: cert });

/** A server that answers each request with the number of its connection; `after` runs after an answer. */
async function countConnections(after: (socket: Socket) => void = () => {}) {
  let connections = 0;
  let mostRequests = Number.POSITIVE_INFINITY;
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    connections += 1;
    let requests = 0;
    const body = String(connections);
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.on('data', () => {
      requests += 1;
      if (requests > mostRequests) {
        socket.destroy();
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      after(socket);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async call(overrides: Overrides = {}, addresses: string[] | undefined = loopback) {
      const url = new URL(`http://${host}:${port}/`);
      const answer = await read(await pinned(url, request(overrides), addresses));
      // The connection becomes idle a moment after its answer.
      await pause(20);
      return Number(answer);
    },
    breakSecond() {
      mostRequests = 1;
    },
    /** Connections that are open. */
    get open() {
      return open.size;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function until(isDone: () => boolean): Promise<void> {
  for (let tries = 0; !isDone(); tries += 1) {
    assert.ok(tries < 500, 'the connection stays open');
    await pause(20);
  }
}

const tests: Record<string, () => Promise<void>> = {
  async 'a name without an address in DNS is reached at the address that was checked'() {
    for (const url of [http('/'), https('/')]) {
      const response = await pinned(url, request({ method: 'POST', body: 'ü' }), loopback);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('x-host'), url.host);
      assert.equal(await read(response), 'POST ü');
    }
  },
  async 'DNS decides only when no address was checked'() {
    assert.notEqual(await messageOf(pinned(http('/'), request(), undefined)), 'no error');
    const url = new URL(`http://localhost:${portOf(plain)}/`);
    assert.equal(await read(await pinned(url, request(), undefined)), 'GET ');
  },
  async 'the next address is used when the first refuses the connection'() {
    const response = await pinned(http('/'), request(), ['127.0.0.99', '127.0.0.1']);
    assert.equal(await read(response), 'GET ');
  },
  async 'a certificate of another name or of an unknown authority is refused'() {
    const other = new URL(`https://other.invalid:${portOf(secure)}/`);
    assert.match(await messageOf(pinned(other, request(), loopback)), /altname/i);
    const strict = createPinnedConnect();
    assert.match(await messageOf(strict(https('/'), request(), loopback)), /certificate/i);
  },
  async 'a broken call that is not safe, and an aborted call, are sent once, also after others'() {
    const calls = [
      ['GET', '/never'],
      ['POST', '/never'],
      ['POST', '/break'],
      ['DELETE', '/break'],
    ] as const;
    for (const url of [http, https]) {
      for (const [method, path] of calls) {
        await read(await pinned(url('/'), request(), loopback));
        await read(await pinned(url('/'), request({ method: 'POST' }), loopback));
        const before = received.length;
        const abort = new AbortController();
        onReceived = () => path === '/never' && abort.abort(new Error('enough'));
        const call = pinned(url(path), request({ method, signal: abort.signal }), loopback);
        // A repeated call of /never would not end.
        const end = Promise.race([messageOf(call), pause(2_000).then(() => 'no error')]);
        assert.notEqual(await end, 'no error');
        // Time for a repetition that must not come.
        await pause(100);
        onReceived = () => {};
        assert.deepEqual(received.slice(before), [path]);
      }
    }
  },
  async 'a safe call whose reused connection breaks is repeated once, on a new one'() {
    for (const method of ['GET', 'HEAD']) {
      for (const url of [http, https]) {
        await read(await pinned(url('/'), request(), loopback));
        await pause(20);
        const before = received.length;
        assert.notEqual(
          await messageOf(pinned(url('/break'), request({ method }), loopback)),
          'no error',
        );
        assert.deepEqual(received.slice(before), ['/break', '/break']);
        await messageOf(pinned(url('/break'), request({ method }), loopback));
        assert.equal(received.length, before + 3, 'a new connection that breaks is not repeated');
      }
    }
    // The server closes each connection when it receives a second request.
    const server = await countConnections();
    server.breakSecond();
    assert.equal(await server.call(), 1);
    assert.equal(await server.call(), 2);
    await server.stop();
  },
  async 'safe calls of an app to the same addresses use one connection'() {
    const server = await countConnections();
    assert.equal(await server.call(), 1);
    assert.equal(await server.call(), 1);
    assert.equal(await server.call({ appCode: 'other' }), 2, 'another app');
    assert.equal(await server.call({}, ['127.0.0.1', '127.0.0.2']), 3, 'other addresses');
    assert.equal(await server.call({}, ['127.0.0.2', '127.0.0.1']), 3, 'in another order');
    assert.equal(await server.call(), 1);
    assert.equal(await server.call({ method: 'POST', body: 'a' }), 4, 'not a safe method');
    assert.equal(await server.call({ method: 'POST', body: 'a' }), 5, 'not a safe method');
    await server.stop();
  },
  async 'calls at the same time use connections of their own'() {
    const server = await countConnections();
    const numbers = await Promise.all([server.call(), server.call()]);
    assert.deepEqual(numbers.toSorted(), [1, 2]);
    await server.stop();
  },
  async 'a connection that receives more than the answer is not used again'() {
    const server = await countConnections((socket) =>
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong'), 5),
    );
    assert.equal(await server.call(), 1);
    assert.equal(await server.call(), 2);
    await server.stop();
    const atOnce = await countConnections((socket) => socket.write('more'));
    assert.equal(await atOnce.call(), 1);
    assert.equal(await atOnce.call(), 2);
    await atOnce.stop();
  },
  async 'a connection that the server has closed is not used again'() {
    const server = await countConnections((socket) => setTimeout(() => socket.end(), 5));
    assert.equal(await server.call(), 1);
    assert.equal(await server.call(), 2);
    await server.stop();
  },
  async 'an idle connection closes after a second'() {
    const server = await countConnections();
    await server.call();
    assert.equal(server.open, 1);
    await until(() => server.open === 0);
    assert.equal(await server.call(), 2);
    await server.stop();
  },
  async 'a slow answer takes longer than a connection may be idle'() {
    await Promise.all(
      [http, https].map(async (url) => {
        for (const path of ['/slow', '/slow']) {
          assert.equal(await read(await pinned(url(path), request(), loopback)), 'slow');
        }
      }),
    );
  },
  async 'a response that is not read closes its connection'() {
    const server = await countConnections();
    const url = new URL(`http://${host}:${server.port}/`);
    await (await pinned(url, request(), loopback)).discard();
    await until(() => server.open === 0);
    await server.stop();
  },
  async 'compressed bodies are decoded, and a body that is cut off is an error'() {
    for (const path of ['/gzip', '/br']) {
      const response = await pinned(http(path), request(), loopback);
      assert.equal(await read(response), text);
      assert.equal(response.headers.get('content-encoding'), null);
    }
    const cut = await pinned(http('/cut'), request(), loopback);
    assert.notEqual(await messageOf(read(cut)), 'no error');
  },
  async 'a response without a body is empty'() {
    assert.equal(await read(await pinned(http('/none'), request(), loopback)), '');
    assert.equal(
      await read(await pinned(http('/gzip'), request({ method: 'HEAD' }), loopback)),
      '',
    );
  },
  async 'an abort ends a call that waits'() {
    const abort = new AbortController();
    const call = messageOf(pinned(http('/never'), request({ signal: abort.signal }), loopback));
    setTimeout(() => abort.abort(new Error('enough')), 20);
    assert.equal(await call, 'Error enough');
  },
};

// Older runtimes ignore `lookup`: canPin excludes them, and they call by fetch.
if (canPin()) {
  // Sockets close a moment after their test.
  const options = { sanitizeOps: false, sanitizeResources: false };
  for (const [name, fn] of Object.entries(tests)) Deno.test({ name, fn, ...options });
}

Deno.test('hosted functions and old runtimes connect by fetch', async () => {
  assert.equal(canPin({ isEdge: true, version: '2.9.6' }), false);
  assert.equal(canPin({ isEdge: false, version: '2.1.4' }), false);
  assert.equal(canPin({ isEdge: false, version: '2.9.6' }), true);
  assert.equal(canPin({ isEdge: false, version: '3.0.0' }), true);
  const url = new URL(`http://127.0.0.1:${portOf(plain)}/`);
  const response = await connectByFetch(url, request({ method: 'POST', body: 'a' }), loopback);
  assert.equal(await read(response), 'POST a');
});
