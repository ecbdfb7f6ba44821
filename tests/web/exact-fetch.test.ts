// The web client shows the numbers of the database with all their digits.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpServer, type Reply, serveHttp } from '../../scripts/fakes/http.ts';
import { exactFetch } from '../../web/src/shared/exact-fetch.ts';

let reply: Reply = {};
let server: HttpServer;
beforeAll(async () => {
  server = await serveHttp(() => reply);
});
afterAll(() => server.stop());

test('a number that a double cannot hold arrives as its digits', async () => {
  const type = 'application/json; charset=utf-8';
  reply = {
    status: 206,
    headers: { 'content-type': type, 'content-range': '0-0/7' },
    raw: '[{"id":36028797018963969,"total":1.50,"text":"36028797018963969 é"}]',
  };
  const response = await exactFetch(server.url);
  expect([response.status, response.headers.get('content-range')]).toEqual([206, '0-0/7']);
  expect(await response.json()).toEqual([
    { id: '36028797018963969', total: 1.5, text: '36028797018963969 é' },
  ]);
});

test('other responses are not changed', async () => {
  reply = { headers: { 'content-type': 'text/plain' }, raw: '36028797018963969' };
  expect(await (await exactFetch(server.url)).text()).toBe('36028797018963969');
  reply = { status: 204 };
  const empty = await exactFetch(server.url);
  expect([empty.status, await empty.text()]).toEqual([204, '']);
});

test.each([204, 205, 304])('an answer %i that declares JSON has no body', async (status) => {
  reply = { status, headers: { 'content-type': 'application/json' } };
  const response = await exactFetch(server.url);
  expect([response.status, await response.text()]).toEqual([status, '']);
});
