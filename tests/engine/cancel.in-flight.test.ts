// Cancelling a run aborts its step in flight: at once through Redis or LISTEN, and otherwise at the next poll of the
// worker.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { waitFor } from '../support/stack.ts';
import { node, type TestApp, testApp } from './support.ts';

let server: Server;
let url: string;
let asked = 0;
let closed = 0;

beforeAll(async () => {
  // The server never responds; only the caller can end the call.
  server = createServer((request) => {
    asked += 1;
    request.socket.once('close', () => {
      closed += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function underWay(b: TestApp): Promise<string> {
  const before = asked;
  const { id } = await b.start(await b.publish([node('ask', 'http_request', { url })]));
  await waitFor('the request', () => asked > before, 20_000);
  return id;
}

/** The time limit of the call and the lease are 30 s each, so neither ends the call before the deadline. */
const givenUp = (before: number) => waitFor('the call is aborted', () => closed > before, 15_000);

/** Later than every deadline in this file. */
const NEVER_MS = '600000';
const WITHOUT_REDIS = { UPSTASH_REDIS_REST_URL: '', UPSTASH_REDIS_REST_TOKEN: '' };

async function cancelByRpc(b: TestApp, run_id: string): Promise<void> {
  const { error } = await b.developer.rpc('cancel_run', { run_id });
  expect(error).toBeNull();
}

describe('a step in flight is cancelled', () => {
  const cases: [
    string,
    Record<string, string>,
    (environment: ChaosEnvironment, b: TestApp, runId: string) => Promise<unknown>,
  ][] = [
    [
      'through Redis by the HTTP API, although the worker does not poll',
      { STEPBASE_DB_DIRECT: 'false', STEPBASE_CANCEL_POLL_MS: NEVER_MS },
      async (environment, b, runId) => {
        const api = await environment.startApi();
        const session = await b.developer.auth.getSession();
        const response = await fetch(`${api}/v1/runs/${runId}/cancel`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${session.data.session?.access_token}`,
            'content-type': 'application/json',
          },
          body: '{}',
        });
        expect(response.status).toBe(200);
      },
    ],
    [
      'without Redis and LISTEN, when the worker polls',
      { STEPBASE_DB_DIRECT: 'false', ...WITHOUT_REDIS },
      (_, b, runId) => cancelByRpc(b, runId),
    ],
    [
      'through LISTEN, although the worker does not poll',
      { STEPBASE_DB_DIRECT: 'true', STEPBASE_CANCEL_POLL_MS: NEVER_MS, ...WITHOUT_REDIS },
      (_, b, runId) => cancelByRpc(b, runId),
    ],
  ];

  test.each(cases)(
    '%s',
    async (_, env, cancel) => {
      const environment = await createChaosEnvironment({ workers: 1, leaseSeconds: 30, env });
      try {
        const b = await testApp(environment.info);
        const id = await underWay(b);
        const before = closed;
        await cancel(environment, b, id);
        await givenUp(before);
        const { run, statuses } = await b.ended(id);
        expect(run.status).toBe('cancelled');
        expect(statuses).toEqual({ ask: 'cancelled' });
      } finally {
        await environment.stop();
      }
    },
    60_000,
  );
});
