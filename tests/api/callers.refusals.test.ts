// Refused starts over HTTP: each caller gets the right error, and no row is written.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedUser } from '../support/stack.ts';
import {
  type Answer,
  type Api,
  call,
  publishWorkflow,
  signToken,
  sql,
  startApi,
} from './support.ts';

let api: Api;
let workflow: string;
let token: string;

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(seedUser('admin@acme'));
  token = await signToken(seedUser('admin@acme'));
});
afterAll(() => api?.stop());

/** Tries to start a run and expects this refusal without any written row. */
async function refused(
  start: { token?: string; workflow?: string; body?: unknown; headers?: Record<string, string> },
  expected: { status: number; code: string },
): Promise<Answer> {
  const key = randomUUID();
  const answer = await call(`${api.url}/v1/workflows/${start.workflow ?? workflow}/runs`, {
    method: 'POST',
    body: 'body' in start ? start.body : { input: { n: 1 } },
    headers: { 'idempotency-key': key, ...start.headers },
    ...(start.token === undefined ? {} : { token: start.token }),
  });
  expect({ status: answer.status, code: answer.body.code }).toEqual(expected);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.body).toMatchObject({
    type: `urn:stepbase:problem:${expected.code}`,
    status: expected.status,
    instance: `urn:stepbase:request:${answer.headers.get('x-request-id')}`,
  });
  const [left] = await sql<{ runs: number; outbox: number }>(
    `select count(*)::int as runs,
       (select count(*)::int from stepbase.outbox o where o.aggregate_id = any(array_agg(r.id))) as outbox
     from stepbase.runs r
     where r.idempotency_key = $1 or r.workflow_id = (
       select w.id from stepbase.workflows w where w.kebab_name = $2
     )`,
    [key, workflow],
  );
  expect(left).toEqual({ runs: 0, outbox: 0 });
  return answer;
}

const UNAUTHENTICATED = { status: 401, code: 'not_authenticated' };

describe('starting a run is refused', () => {
  it('without a token, with the publishable key only, or with the secret key alone', async () => {
    const answer = await refused({}, UNAUTHENTICATED);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    await refused({ token: 'sb_publishable_api_tests' }, UNAUTHENTICATED);
    const service = await refused(
      { token: 'sb_secret_api_tests' },
      { status: 400, code: 'invalid_request' },
    );
    expect(service.body.detail).toContain('x-stepbase-app');
  });

  it('with a forged token', async () => {
    const forged = await signToken(seedUser('admin@acme'), {
      secret: 'not the secret of this project, no',
    });
    expect((await refused({ token: forged }, UNAUTHENTICATED)).body.reason).toBe('invalid');
    const [head, , signature] = token.split('.');
    const claims = { sub: seedUser('admin@acme').id, role: 'authenticated', app_code: 'globex' };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    await refused({ token: `${head}.${body}.${signature}` }, UNAUTHENTICATED);
  });

  it('with an expired token, with an error that states this', async () => {
    const expired = await signToken(seedUser('admin@acme'), {
      expiresAt: Math.floor(Date.now() / 1000) - 60,
    });
    expect((await refused({ token: expired }, UNAUTHENTICATED)).body.reason).toBe('expired');
  });

  it('with a token of another project', async () => {
    const foreign = await signToken(seedUser('admin@acme'), {
      issuer: 'https://other.example/auth/v1',
    });
    await refused({ token: foreign }, UNAUTHENTICATED);
  });

  it('with a token of another app, as for an unknown workflow', async () => {
    await refused(
      { token: await signToken(seedUser('admin@globex')) },
      { status: 404, code: 'not_found' },
    );
  });

  it('with a token for an app that the user is not a member of', async () => {
    const claimed = await signToken({ ...seedUser('admin@globex'), app_code: 'acme' });
    await refused({ token: claimed }, { status: 403, code: 'permission_denied' });
  });

  it('to a viewer', async () => {
    const viewer = await signToken(seedUser('viewer@acme'));
    const answer = await refused({ token: viewer }, { status: 403, code: 'permission_denied' });
    expect(answer.body.permission).toBe('run:execute');
  });

  it('for a workflow that does not exist', async () => {
    await refused({ token, workflow: 'no-such-workflow' }, { status: 404, code: 'not_found' });
  });

  it('with an input that does not match the input schema, with all its errors', async () => {
    const answer = await refused(
      { token, body: { input: { n: 'four' } } },
      { status: 422, code: 'invalid_input' },
    );
    expect(answer.body.errors).toEqual([{ path: '/n', message: expect.any(String) }]);
  });

  it.each([
    ['an unknown member', { inputs: {} }],
    ['an input that is not an object', { input: [1] }],
    ['a priority out of range', { input: { n: 1 }, priority: 1000 }],
    ['a version that is not a number', { input: { n: 1 }, version: 'one' }],
    ['a body that is not an object', ['n']],
  ])('with %s', async (_name, body) => {
    const answer = await refused({ token, body }, { status: 400, code: 'invalid_request' });
    expect(answer.body.errors).toHaveLength(1);
  });

  it('with two different idempotency keys', async () => {
    await refused(
      { token, body: { input: { n: 1 }, idempotency_key: 'another' } },
      { status: 400, code: 'invalid_request' },
    );
  });

  it('with a body that is not JSON, or has another content type', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const send = (type: string, body: string) =>
      fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
        body,
        signal: AbortSignal.timeout(10_000),
      });
    const broken = await send('application/json', '{"input":');
    expect([broken.status, (await broken.json()).code]).toEqual([400, 'invalid_request']);
    const form = await send('application/x-www-form-urlencoded', 'input=1');
    expect([form.status, (await form.json()).code]).toEqual([415, 'unsupported_media_type']);
  });
});
