// Webhooks that Stripe, GitHub and Slack call: each signs in its own way, with its own secret.

import { createHmac, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeOf, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let workflow: string;
beforeAll(async () => {
  b = await testApp();
  workflow = await b.publish([value('echo', 'input')]);
});

interface Webhook {
  id: string;
  path: string;
  secret: string | null;
  signature_scheme: string;
}

const make = (options: { signature_scheme?: string; secret?: string }) =>
  b.developer.rpc('create_webhook', { workflow, name: 'sender', ...options });

async function webhook(signature_scheme: string, secret?: string): Promise<Webhook> {
  const { data, error } = await make({
    signature_scheme,
    ...(secret === undefined ? {} : { secret }),
  });
  if (error) throw new Error(`${error.message} ${error.details}`);
  return data as Webhook;
}

const hex = (key: string, text: string) => createHmac('sha256', key).update(text).digest('hex');
const now = () => Math.floor(Date.now() / 1000);

const senders = {
  stripe: (secret: string, body: string, at = now()) => ({
    'stripe-signature': `t=${at},v1=${hex(secret, `${at}.${body}`)}`,
  }),
  github: (secret: string, body: string, delivery: string = randomUUID()) => ({
    'x-hub-signature-256': `sha256=${hex(secret, body)}`,
    'x-github-delivery': delivery,
    'x-github-event': 'push',
  }),
  slack: (secret: string, body: string, at = now()) => ({
    'x-slack-request-timestamp': String(at),
    'x-slack-signature': `v0=${hex(secret, `v0:${at}:${body}`)}`,
  }),
};

async function send(hook: Pick<Webhook, 'path'>, body: string, headers: Record<string, string>) {
  const response = await fetch(`${b.stack.api_url}/functions/v1/stepbase-api${hook.path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

const outcome = ({ status, answer }: Awaited<ReturnType<typeof send>>) => [status, answer.code];
const REFUSED = [401, 'not_authenticated'];

const STRIPE = 'whsec_stripe0123456789abcdef';
const SLACK = '0123456789abcdef0123456789abcdef';
const GITHUB = 'a long secret of our own';

describe('a call of Stripe', () => {
  test('starts one run for each event, however often it is delivered', async () => {
    const hook = await webhook('stripe', STRIPE);
    expect(hook).toMatchObject({ signature_scheme: 'stripe', secret: null });
    const body = '{"id":"evt_7","type":"charge.succeeded","data":{"object":{"amount":500}}}';
    const first = await send(hook, body, senders.stripe(STRIPE, body));
    expect(first.status).toBe(202);
    const again = await send(hook, body, senders.stripe(STRIPE, body, now() - 60));
    expect([again.status, again.answer.run_id]).toEqual([200, first.answer.run_id]);
    const other = body.replace('evt_7', 'evt_8');
    expect((await send(hook, other, senders.stripe(STRIPE, other))).status).toBe(202);
    const { run } = await b.ended(String(first.answer.run_id));
    expect(run).toMatchObject({
      metadata: { trigger_id: hook.id, webhook_id: 'evt_7' },
      output: { echo: { body: { type: 'charge.succeeded', data: { object: { amount: 500 } } } } },
    });
    expect(JSON.stringify(run.input)).not.toContain('v1=');
  });

  test('is refused with another secret, an old time, or the signature of another scheme', async () => {
    const hook = await webhook('stripe', STRIPE);
    const body = '{"id":"evt_1"}';
    const refused = await Promise.all([
      send(hook, body, senders.stripe('whsec_another0123456789', body)),
      send(hook, body, senders.stripe(STRIPE, body, now() - 320)),
      send(hook, body, senders.stripe(STRIPE, body, now() + 320)),
      send(hook, `${body} `, senders.stripe(STRIPE, body)),
      send(hook, body, senders.github(STRIPE, body)),
      send(hook, body, senders.slack(STRIPE, body)),
      send(hook, body, {}),
    ]);
    expect(refused.map(outcome)).toEqual(refused.map(() => REFUSED));
  });

  test('to an unknown webhook gets the response of a wrong signature', async () => {
    const hook = await webhook('stripe', STRIPE);
    const body = '{"id":"evt_1"}';
    const headers = senders.stripe('whsec_another0123456789', body);
    const wrong = await send(hook, body, headers);
    const unknown = await send({ path: `/hooks/${randomUUID()}` }, body, headers);
    const { instance: _one, path: _itsPath, ...first } = wrong.answer;
    const { instance: _two, path: _otherPath, ...second } = unknown.answer;
    expect([wrong.status, first]).toEqual([unknown.status, second]);
  });
});

describe('a call of GitHub', () => {
  test('starts one run for each delivery', async () => {
    const hook = await webhook('github', GITHUB);
    const body = '{"ref":"refs/heads/main"}';
    const headers = senders.github(GITHUB, body, 'delivery-1');
    const first = await send(hook, body, headers);
    const again = await send(hook, body, headers);
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.answer.run_id).toBe(first.answer.run_id);
    const { run } = await b.ended(String(first.answer.run_id));
    expect(run.input).toMatchObject({
      body: { ref: 'refs/heads/main' },
      headers: { 'x-github-event': 'push', 'x-github-delivery': 'delivery-1' },
    });
    expect((await send(hook, body, senders.github(GITHUB, body))).status).toBe(202);
    expect(outcome(await send(hook, body, senders.github('x', body)))).toEqual(REFUSED);
  });

  test('may be signed with a secret that Stepbase creates', async () => {
    const hook = await webhook('github');
    const secret = String(hook.secret);
    expect(secret).toMatch(/^whsec_/);
    expect((await send(hook, '{}', senders.github(secret, '{}'))).status).toBe(202);
  });
});

describe('a call of Slack', () => {
  test('gets its challenge without a run, and only with a valid signature', async () => {
    const hook = await webhook('slack', SLACK);
    const body = '{"type":"url_verification","token":"t","challenge":"c-1"}';
    const answered = await send(hook, body, senders.slack(SLACK, body));
    expect(answered).toEqual({ status: 200, answer: { challenge: 'c-1' } });
    expect(outcome(await send(hook, body, senders.slack('x', body)))).toEqual(REFUSED);
    const { rows } = await b.db.query(
      "select 1 from stepbase.runs where metadata ->> 'trigger_id' = $1",
      [hook.id],
    );
    expect(rows).toEqual([]);
  });

  test('starts one run for each event', async () => {
    const hook = await webhook('slack', SLACK);
    const body = '{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}';
    const first = await send(hook, body, senders.slack(SLACK, body));
    const again = await send(hook, body, senders.slack(SLACK, body, now() - 30));
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.answer.run_id).toBe(first.answer.run_id);
    expect(outcome(await send(hook, body, senders.slack(SLACK, body, now() - 320)))).toEqual(
      REFUSED,
    );
  });
});

describe('the secret of a sender', () => {
  test('must fit the scheme; no response contains it', async () => {
    const wrong = await Promise.all([
      make({ signature_scheme: 'stripe' }),
      make({ signature_scheme: 'slack' }),
      make({ signature_scheme: 'stripe', secret: 'not-the-prefix-0123456789' }),
      make({ signature_scheme: 'slack', secret: 'with space 0123456789' }),
      make({ signature_scheme: 'github', secret: 'short' }),
      make({ signature_scheme: 'github', secret: '' }),
      make({ secret: 'whsec_short' }),
      make({ signature_scheme: 'other' }),
    ]);
    expect(wrong.map(codeOf)).toEqual(wrong.map(() => 'SB400 invalid_request'));
    expect(JSON.stringify(wrong)).not.toMatch(/0123456789|whsec_short/);
  });

  test('is replaced by a given one, with an overlap', async () => {
    const hook = await webhook('stripe', STRIPE);
    const next = 'whsec_next0123456789abcdef';
    const rotated = await b.developer.rpc('rotate_webhook_secret', {
      trigger_id: hook.id,
      overlap_seconds: 60,
      secret: next,
    });
    expect(rotated.data).toMatchObject({ signature_scheme: 'stripe', secret: null });
    for (const [index, secret] of [STRIPE, next].entries()) {
      const body = `{"id":"evt_${index}"}`;
      expect((await send(hook, body, senders.stripe(secret, body))).status).toBe(202);
    }
    const missing = await b.developer.rpc('rotate_webhook_secret', { trigger_id: hook.id });
    expect(codeOf(missing)).toBe('SB400 invalid_request');
  });

  test('is stored in Vault only', async () => {
    const secret = `whsec_${randomUUID().replaceAll('-', '')}`;
    await webhook('stripe', secret);
    const { rows } = await b.db.query<{ n: string }>(
      'select count(*) as n from vault.decrypted_secrets where decrypted_secret = $1',
      [secret],
    );
    expect(rows).toEqual([{ n: '1' }]);
    const audit = await b.db.query('select 1 from stepbase.audit_log where new_row::text like $1', [
      `%${secret}%`,
    ]);
    expect(audit.rows).toEqual([]);
  });
});
