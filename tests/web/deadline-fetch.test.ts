// Requests of the web client that get no answer.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withDeadline } from '../../web/src/shared/deadline-fetch.ts';
import { describe as inWords } from '../../web/src/shared/errors.ts';
import { exactFetch } from '../../web/src/shared/exact-fetch.ts';

let server: Server;
let url: string;
/** Answers /…/half with the first part of its body, /…/whole with all of it, and other paths never. */
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url?.endsWith('half')) {
      response.writeHead(200, { 'content-type': 'application/json' }).write('[1, ');
    }
    if (request.url?.endsWith('whole')) response.end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const send = withDeadline(exactFetch, 100);

test.each(['/rest/v1/runs', '/rest/v1/half', '/auth/v1/token'])(
  '%s without a whole answer is a lost connection',
  async (path) => {
    const error: unknown = await send(url + path).catch((problem: unknown) => problem);
    expect(inWords(error).code).toBe('server_unreachable');
  },
);

test('an answer in time arrives, and a request that its caller ends is no lost connection', async () => {
  expect(await (await send(`${url}/rest/v1/whole`)).json()).toEqual([]);
  const caller = new AbortController();
  const sent = send(`${url}/rest/v1/runs`, { signal: caller.signal });
  caller.abort();
  await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
});

test('a download has no deadline', async () => {
  const caller = new AbortController();
  const sent = send(`${url}/storage/v1/object/x`, { signal: caller.signal });
  const first = await Promise.race([
    sent.catch(() => 'ended'),
    new Promise((resolve) => setTimeout(resolve, 300, 'waits')),
  ]);
  expect(first).toBe('waits');
  caller.abort();
  await sent.catch(() => undefined);
});
