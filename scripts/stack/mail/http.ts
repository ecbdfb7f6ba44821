// /mail on the gateway: the page of the caught mails, and /mail/api for tests and tools.
// Mails contain links that sign people in. So other web sites must not read them: no CORS header is sent, and a request
// must name this machine, which stops a foreign host name that resolves to it.

import { listPage, messagePage, STYLE } from './pages.ts';
import { MAX_MESSAGES, type MailStore } from './store.ts';

const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

const COMMON = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** The HTML of a mail: no script, no request, its links open in a new tab. */
const MAIL_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

type Handler = (
  store: MailStore,
  parts: string[],
  url: URL,
) => Response | undefined | Promise<Response | undefined>;

const ROUTES: Array<{ method: string; path: RegExp; handle: Handler }> = [
  { method: 'GET', path: /^\/mail\/?$/, handle: listOf },
  { method: 'GET', path: /^\/mail\/style\.css$/, handle: () => send(STYLE, 'text/css') },
  { method: 'GET', path: /^\/mail\/messages\/([^/]+)$/, handle: pageOf },
  { method: 'GET', path: /^\/mail\/messages\/([^/]+)\/html$/, handle: htmlOf },
  { method: 'GET', path: /^\/mail\/messages\/([^/]+)\/source$/, handle: sourceOf },
  { method: 'GET', path: /^\/mail\/messages\/([^/]+)\/attachments\/(\d+)$/, handle: attachmentOf },
  { method: 'POST', path: /^\/mail\/messages\/([^/]+)\/delete$/, handle: deleteForm },
  { method: 'POST', path: /^\/mail\/delete$/, handle: clearForm },
  { method: 'GET', path: /^\/mail\/api\/messages$/, handle: apiList },
  { method: 'GET', path: /^\/mail\/api\/messages\/([^/]+)$/, handle: apiRead },
  { method: 'DELETE', path: /^\/mail\/api\/messages\/([^/]+)$/, handle: apiDelete },
  { method: 'DELETE', path: /^\/mail\/api\/messages$/, handle: apiClear },
];

/** Undefined if the path is not below /mail. */
export async function handleMail(
  store: MailStore,
  request: Request,
  url: URL,
): Promise<Response | undefined> {
  if (url.pathname !== '/mail' && !url.pathname.startsWith('/mail/')) return undefined;
  if (!LOCAL_HOST.test(request.headers.get('host') ?? '')) {
    return json(403, { message: 'The mails are shown on 127.0.0.1 only' });
  }
  // The forms of the page, and DELETE: a browser names the site that sends them.
  const site = request.headers.get('sec-fetch-site');
  if (request.method !== 'GET' && site !== null && site !== 'same-origin') {
    return json(403, { message: 'Mails cannot be deleted from another site' });
  }
  const known = ROUTES.filter(({ path }) => path.test(url.pathname));
  const route = known.find(({ method }) => method === request.method);
  if (!route) {
    const status = known.length > 0 ? 405 : 404;
    return json(status, { message: status === 405 ? 'Method not allowed' : 'Not found' });
  }
  const parts = route.path.exec(url.pathname)?.slice(1) ?? [];
  return (await route.handle(store, parts, url)) ?? json(404, { message: 'No such message' });
}

function send(body: string, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    headers: { ...COMMON, 'content-type': `${type}; charset=utf-8`, ...headers },
  });
}

function json(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: COMMON });
}

const recipientOf = (url: URL): string | undefined => url.searchParams.get('to') || undefined;

function listOf(store: MailStore, _parts: string[], url: URL): Response {
  const to = recipientOf(url);
  const page = listPage(store.list({ to, limit: MAX_MESSAGES }).messages, to);
  return send(page, 'text/html', { 'content-security-policy': PAGE_POLICY });
}

async function pageOf(store: MailStore, [id = '']: string[]): Promise<Response | undefined> {
  const mail = await store.read(id);
  if (!mail) return undefined;
  return send(messagePage(mail), 'text/html', { 'content-security-policy': PAGE_POLICY });
}

async function htmlOf(store: MailStore, [id = '']: string[]): Promise<Response | undefined> {
  const mail = await store.read(id);
  if (!mail || mail.html === null) return undefined;
  return send(`<base target="_blank">${mail.html}`, 'text/html', {
    'content-security-policy': MAIL_POLICY,
  });
}

function sourceOf(store: MailStore, [id = '']: string[]): Response | undefined {
  const raw = store.source(id);
  return raw && send(new TextDecoder().decode(raw), 'text/plain');
}

async function attachmentOf(
  store: MailStore,
  [id = '', index = '']: string[],
): Promise<Response | undefined> {
  const found = await store.attachment(id, Number(index));
  if (!found) return undefined;
  // Always a download: the browser shows nothing of a mail outside of the sandbox.
  const name = encodeURIComponent(found.filename);
  return new Response(found.content, {
    headers: {
      ...COMMON,
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${name}`,
    },
  });
}

const toList = (): Response => new Response(null, { status: 303, headers: { location: '/mail' } });

function deleteForm(store: MailStore, [id = '']: string[]): Response {
  store.delete(id);
  return toList();
}

function clearForm(store: MailStore): Response {
  store.clear();
  return toList();
}

function apiList(store: MailStore, _parts: string[], url: URL): Response {
  const given = url.searchParams.get('limit');
  const limit = given === null ? undefined : Number(given);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_MESSAGES)) {
    const message = `limit must be a whole number from 1 to ${MAX_MESSAGES}`;
    return json(400, { message });
  }
  return json(200, store.list({ to: recipientOf(url), limit }));
}

async function apiRead(store: MailStore, [id = '']: string[]): Promise<Response | undefined> {
  const mail = await store.read(id);
  return mail && json(200, mail);
}

function apiDelete(store: MailStore, [id = '']: string[]): Response | undefined {
  return store.delete(id) ? json(200, { deleted: 1 }) : undefined;
}

function apiClear(store: MailStore, _parts: string[], url: URL): Response {
  return json(200, { deleted: store.clear(recipientOf(url)) });
}
