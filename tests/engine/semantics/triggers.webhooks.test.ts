// Signed webhook calls start one run each. A call without a valid signature learns nothing.

import { createHmac, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { signedIn } from '../../support/stack.ts';
import { codeOf, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

interface Webhook {
  id: string;
  path: string;
  secret: string;
}

const echo = value('echo', 'input');

async function webhook(workflow?: string, input: Json = {}): Promise<Webhook> {
  const { data, error } = await b.developer.rpc('create_webhook', {
    workflow: workflow ?? (await b.publish([echo])),
    name: 'orders',
    input,
  });
  if (error) throw new Error(`${error.message} ${error.details}`);
  return data as Webhook;
}

interface Call {
  id?: string;
  timestamp?: number;
  secret?: string;
  signature?: string;
  body?: string;
  query?: string;
  headers?: Record<string, string>;
}

/** Sends a Standard Webhooks call, with the parts that the test overrides. */
async function call(hook: Webhook, options: Call = {}) {
  const {
    id = randomUUID(),
    timestamp = Math.floor(Date.now() / 1000),
    body = '{"n":1}',
    secret = hook.secret,
  } = options;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const response = await fetch(
    `${b.stack.api_url}/functions/v1/stepbase-api${hook.path}${options.query ?? ''}`,
    {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': options.signature ?? `v1,${mac}`,
        ...options.headers,
      },
      signal: AbortSignal.timeout(10_000),
    },
  );
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, answer, type: response.headers.get('content-type') };
}

const REFUSED = { status: 401, code: 'not_authenticated' };
const outcome = ({ status, answer }: Awaited<ReturnType<typeof call>>) => ({
  status,
  code: answer.code,
});

describe('a signed call', () => {
  test('starts a run with its body, its query and its headers', async () => {
    const hook = await webhook(undefined, { source: 'shop' });
    const made = await call(hook, {
      id: 'msg_1',
      body: '{"order":{"id":"o-7","note":"ünï"}}',
      query: '?topic=a&tag=1&tag=2',
      headers: {
        'x-shop-event': 'order.paid',
        'x-shop-token': 'private',
        authorization: 'Bearer private',
        cookie: 'private=1',
      },
    });
    expect(made).toMatchObject({ status: 202, answer: { status: 'pending' } });
    const { run } = await b.ended(String(made.answer.run_id));
    expect(run).toMatchObject({
      status: 'completed',
      trigger_type: 'webhook',
      metadata: { trigger_id: hook.id, webhook_id: 'msg_1' },
      output: {
        echo: {
          source: 'shop',
          body: { order: { id: 'o-7', note: 'ünï' } },
          query: { topic: 'a', tag: ['1', '2'] },
          headers: { 'x-shop-event': 'order.paid', 'webhook-id': 'msg_1' },
        },
      },
    });
    expect(JSON.stringify(run.input)).not.toContain('private');
    const { data } = await b.developer
      .from('workflow_triggers')
      .select()
      .eq('id', hook.id)
      .single<{ last_fired_at: string }>();
    expect(data?.last_fired_at).toEqual(expect.any(String));
  });

  test('has a text body if it is not JSON, and null without a body', async () => {
    const hook = await webhook();
    const text = await call(hook, { body: 'a=1&b=2', headers: { 'content-type': 'text/plain' } });
    const none = await call(hook, { body: '' });
    const inputs = await Promise.all(
      [text, none].map(async ({ answer }) => (await b.ended(String(answer.run_id))).run.input),
    );
    expect(inputs).toMatchObject([{ body: 'a=1&b=2' }, { body: null }]);
    const wrong = await call(hook, { body: '{"n":' });
    expect(outcome(wrong)).toEqual({ status: 400, code: 'invalid_request' });
  });

  test('that is delivered again, or twenty times at once, starts one run', async () => {
    const hook = await webhook();
    const id = randomUUID();
    const calls = await Promise.all(Array.from({ length: 20 }, () => call(hook, { id })));
    expect(new Set(calls.map(({ answer }) => answer.run_id)).size).toBe(1);
    expect(calls.every(({ status }) => status === 202 || status === 200)).toBe(true);
    const again = await call(hook, { id });
    expect(again.status).toBe(200);
    expect((await call(hook)).answer.run_id).not.toBe(again.answer.run_id);
  });

  test('with an invalid input, or to a disabled trigger, is refused and recorded', async () => {
    const strict = await b.publish([echo], [], {
      input_schema: { type: 'object', properties: { body: { type: 'object' } } },
    });
    const hook = await webhook(strict);
    const misfit = await call(hook, { body: '[1]' });
    expect(outcome(misfit)).toEqual({ status: 422, code: 'invalid_input' });
    expect(misfit.type).toContain('application/problem+json');
    expect(misfit.answer.errors).toMatchObject([{ path: '/body' }]);
    const note = await b.developer
      .from('workflow_triggers')
      .select('last_error')
      .eq('id', hook.id)
      .single<{ last_error: unknown }>();
    expect(note.data?.last_error).toMatchObject({ code: 'invalid_input' });

    await b.developer.from('workflow_triggers').update({ is_enabled: false }).eq('id', hook.id);
    expect(outcome(await call(hook))).toEqual({ status: 409, code: 'conflict' });
  });
});

describe('a call', () => {
  test('with any fault in its signature is refused', async () => {
    const hook = await webhook();
    const other = await webhook();
    const now = Math.floor(Date.now() / 1000);
    const refused = await Promise.all([
      call(hook, { secret: other.secret }),
      call(hook, { signature: 'v1,AAAA' }),
      call(hook, { signature: 'v2,AAAA garbage' }),
      call(hook, { signature: '' }),
      call(hook, { headers: { 'webhook-id': 'another' } }),
      call(hook, { headers: { 'webhook-timestamp': String(now + 1) } }),
      call(hook, { timestamp: now - 301 }),
      call(hook, { timestamp: now + 320 }),
      call(hook, { id: 'with space' }),
    ]);
    expect(refused.map(outcome)).toEqual(refused.map(() => REFUSED));
  });

  test('without a valid signature gets the same response from existing and missing webhooks', async () => {
    const hook = await webhook();
    const nowhere = { ...hook, path: `/hooks/${randomUUID()}` };
    const [wrong, unknown] = await Promise.all([
      call(hook, { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }),
      call(nowhere),
    ]);
    const { instance: _one, path: _itsPath, ...first } = wrong.answer;
    const { instance: _two, path: _otherPath, ...second } = unknown.answer;
    expect([wrong.status, first]).toEqual([unknown.status, second]);
    expect(outcome(unknown)).toEqual(REFUSED);
  });

  test('with a body that is too large is refused', async () => {
    const hook = await webhook();
    const large = await call(hook, { body: JSON.stringify('x'.repeat(1_100_000)) });
    expect(outcome(large)).toEqual({ status: 413, code: 'payload_too_large' });
  });
});

describe('a secret', () => {
  test('is replaced at once, or with an overlap; several signatures may be sent', async () => {
    const hook = await webhook();
    const rotate = async (overlap_seconds?: number) => {
      const { data, error } = await b.developer.rpc('rotate_webhook_secret', {
        trigger_id: hook.id,
        overlap_seconds,
      });
      if (error) throw error;
      return data as Webhook;
    };
    const second = await rotate(3_600);
    expect((await call(hook)).status).toBe(202);
    expect((await call(second)).status).toBe(202);
    const third = await rotate();
    expect(outcome(await call(hook))).toEqual(REFUSED);
    expect(outcome(await call(second))).toEqual(REFUSED);
    expect((await call(third)).status).toBe(202);
  });

  test('is kept in Vault, cannot be read by clients, and is deleted with its webhook', async () => {
    const hook = await webhook();
    const kept = () =>
      b.db.query('select 1 from vault.decrypted_secrets where decrypted_secret = $1', [
        hook.secret,
      ]);
    expect((await kept()).rows).toHaveLength(1);
    const plain = await b.db.query('select value from stepbase_private.signing_secrets');
    expect(plain.rows.every(({ value }) => value === null)).toBe(true);
    const { data } = await b.developer.from('workflow_triggers').select().eq('id', hook.id);
    expect(JSON.stringify(data)).not.toContain('whsec');
    await b.developer.from('workflow_triggers').delete().eq('id', hook.id);
    expect((await kept()).rows).toEqual([]);
    expect(outcome(await call(hook))).toEqual(REFUSED);
  });

  test('is created by members who may write schedules, for workflows of their app', async () => {
    const workflow = await b.publish([echo]);
    const hook = await webhook(workflow);
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('developer@globex'),
    ]);
    const make = { workflow, name: 'x' };
    const rotate = { trigger_id: hook.id };
    expect(codeOf(await viewer.rpc('create_webhook', make))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('create_webhook', make))).toBe('SB404 not_found');
    expect(codeOf(await viewer.rpc('rotate_webhook_secret', rotate))).toBe(
      'SB403 permission_denied',
    );
    expect(codeOf(await stranger.rpc('rotate_webhook_secret', rotate))).toBe('SB404 not_found');
    const long = await b.developer.rpc('rotate_webhook_secret', {
      ...rotate,
      overlap_seconds: 1e7,
    });
    expect(codeOf(long)).toBe('SB400 invalid_request');
  });
});
