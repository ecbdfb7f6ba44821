// The mail catcher: what arrives over SMTP is listed, shown and deleted, within its limits, and only for this machine.

import nodemailer, { type SendMailOptions } from 'nodemailer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type MailCatcher, startMailCatcher } from '../../scripts/stack/mail/catcher.ts';
import {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGES,
  MAX_STORED_BYTES,
  type MailDetail,
  MailStore,
  type MailSummary,
} from '../../scripts/stack/mail/store.ts';

let catcher: MailCatcher;
beforeAll(async () => {
  catcher = await startMailCatcher(0, () => undefined);
});
afterAll(() => catcher.stop());

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  const url = new URL(path, 'http://127.0.0.1:54321');
  const headers = { host: url.host, ...init.headers };
  const answer = await catcher.fetch(new Request(url, { ...init, headers }), url);
  if (!answer) throw new Error(`${path} is not a path of the catcher`);
  return answer;
}

async function list(query = ''): Promise<{ messages: MailSummary[]; total: number }> {
  return (await (await get(`/mail/api/messages${query}`)).json()) as {
    messages: MailSummary[];
    total: number;
  };
}

async function send(mail: SendMailOptions): Promise<void> {
  const transport = nodemailer.createTransport({ url: catcher.url, name: 'test' });
  try {
    await transport.sendMail({ from: 'Shop <shop@acme.example>', ...mail });
  } finally {
    transport.close();
  }
}

beforeEach(async () => {
  await get('/mail/api/messages', { method: 'DELETE' });
});

test('a mail is listed with its envelope and read with its parts, links and attachments', async () => {
  await send({
    to: 'Ada <ada@acme.example>',
    bcc: 'hidden@acme.example',
    subject: 'Order 7 — grüße',
    text: 'See https://shop.example/orders/7?a=1&b=2.',
    html: '<p><a href="https://shop.example/orders/7?a=1&amp;b=2">Order</a> <a href="https://shop.example/help">Help</a></p>',
    attachments: [{ filename: 'rechnung ä.txt', content: 'sum 7', contentType: 'text/plain' }],
  });
  const { messages, total } = await list('?to=HIDDEN@acme.example');
  expect(total).toBe(1);
  expect(messages[0]).toMatchObject({
    from: 'shop@acme.example',
    to: ['ada@acme.example', 'hidden@acme.example'],
    subject: 'Order 7 — grüße',
  });
  const id = messages[0]?.id;
  const mail = (await (await get(`/mail/api/messages/${id}`)).json()) as MailDetail;
  expect(mail.text.trim()).toBe('See https://shop.example/orders/7?a=1&b=2.');
  expect(mail.html).toContain('Help');
  expect(mail.links).toEqual([
    'https://shop.example/orders/7?a=1&b=2',
    'https://shop.example/help',
  ]);
  expect(mail.attachments).toEqual([
    { index: 0, filename: 'rechnung ä.txt', content_type: 'text/plain', size: 5 },
  ]);
  const file = await get(`/mail/messages/${id}/attachments/0`);
  expect(await file.text()).toBe('sum 7');
  expect(file.headers.get('content-disposition')).toMatch(/^attachment;/);
});

test('mails are found by recipient, the newest first, and deleted one by one or by recipient', async () => {
  await send({ to: 'a@acme.example', subject: 'one', text: 'x' });
  await send({ to: 'b@acme.example', subject: 'two', text: 'x' });
  await send({ to: 'a@acme.example', subject: 'three', text: 'x' });
  const { messages } = await list('?to=a@acme.example');
  expect(messages.map(({ subject }) => subject)).toEqual(['three', 'one']);
  expect((await list('?limit=1')).messages.map(({ subject }) => subject)).toEqual(['three']);
  const path = `/mail/api/messages/${messages[0]?.id}`;
  expect((await get(path, { method: 'DELETE' })).status).toBe(200);
  expect((await get(path, { method: 'DELETE' })).status).toBe(404);
  expect((await get(path)).status).toBe(404);
  await get('/mail/api/messages?to=a@acme.example', { method: 'DELETE' });
  expect((await list()).messages.map(({ subject }) => subject)).toEqual(['two']);
  expect((await get('/mail/api/messages?limit=0')).status).toBe(400);
});

test('the page escapes what a mail contains and shows its HTML in a sandbox without scripts', async () => {
  await send({
    to: 'a@acme.example',
    subject: '<script>alert(1)</script>',
    text: 'Follow https://shop.example/x"onclick=alert(1) now',
    html: '<script>alert(2)</script><p>Hello</p>',
  });
  const page = await (await get('/mail')).text();
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toContain('<script');
  const id = (await list()).messages[0]?.id;
  const shown = await get(`/mail/messages/${id}`);
  expect(shown.headers.get('content-security-policy')).toContain("default-src 'none'");
  const text = await shown.text();
  expect(text).not.toContain('<script');
  expect(text).not.toContain('"onclick');
  expect(text).toContain('href="https://shop.example/x"');
  expect(text).toMatch(/<iframe [^>]*sandbox="allow-popups allow-popups-to-escape-sandbox"/);
  const html = await get(`/mail/messages/${id}/html`);
  const policy = html.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/^sandbox (?!.*allow-scripts)(?!.*allow-same-origin)/);
  expect(policy).toContain("default-src 'none'");
  expect(await html.text()).toContain('<p>Hello</p>');
});

test('no other web site reads or deletes mails', async () => {
  await send({ to: 'a@acme.example', subject: 'kept', text: 'x' });
  expect((await get('/mail/api/messages')).headers.has('access-control-allow-origin')).toBe(false);
  const rebound = await get('/mail/api/messages', { headers: { host: 'evil.example:54321' } });
  expect(rebound.status).toBe(403);
  for (const site of ['cross-site', 'same-site']) {
    const headers = { 'sec-fetch-site': site };
    expect((await get('/mail/delete', { method: 'POST', headers })).status).toBe(403);
  }
  expect((await list()).total).toBe(1);
  const headers = { 'sec-fetch-site': 'same-origin' };
  expect((await get('/mail/delete', { method: 'POST', headers })).status).toBe(303);
  expect((await list()).total).toBe(0);
});

test('unknown paths and methods are refused', async () => {
  expect((await get('/mail/api/nothing')).status).toBe(404);
  expect((await get('/mail/api/messages', { method: 'PUT' })).status).toBe(405);
  expect((await get('/mail/messages/unknown')).status).toBe(404);
  const url = new URL('http://127.0.0.1:54321/mailing');
  expect(await catcher.fetch(new Request(url), url)).toBeUndefined();
});

test('a mail above the limit is refused', async () => {
  const text = 'x'
    .repeat(70)
    .concat('\n')
    .repeat(MAX_MESSAGE_BYTES / 70);
  await expect(send({ to: 'a@acme.example', subject: 'big', text })).rejects.toThrow(/552/);
  expect((await list()).total).toBe(0);
});

test('the oldest mails are dropped beyond the number and the bytes that are kept', async () => {
  const store = new MailStore();
  const envelope = { from: 'a@acme.example', to: ['b@acme.example'] };
  const raw = (size: number) => new TextEncoder().encode('Subject: s\r\n\r\n'.padEnd(size, 'x'));
  const first = await store.add(envelope, raw(100));
  for (let count = 0; count < MAX_MESSAGES; count += 1) await store.add(envelope, raw(100));
  expect(store.list().total).toBe(MAX_MESSAGES);
  expect(await store.read(first)).toBeUndefined();
  const big = MAX_STORED_BYTES / 8;
  for (let count = 0; count < 9; count += 1) await store.add(envelope, raw(big));
  expect(store.list().total).toBe(8);
});
