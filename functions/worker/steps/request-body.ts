// The body of a request in the form that its content type states: JSON, a form, multipart, or text. A value that has
// no such form is refused; it is never sent in another one.

import { type Binary, contentTypeOf, isBinary, joined } from './answers.ts';
import { StepError } from './errors.ts';

type Body = string | Uint8Array;

const unsupported = (message: string) => new StepError('http_body_unsupported', message);

/** Sets the content type if the step has none: text for a string, JSON for any other value. */
export function encodeBody(body: unknown, method: string, headers: Headers): Body | undefined {
  if (body === undefined || body === null) return undefined;
  if (method === 'GET' || method === 'HEAD') {
    throw new StepError('invalid_config', `a ${method} request cannot have a body`);
  }
  if (!headers.has('content-type')) {
    const isText = typeof body === 'string';
    headers.set('content-type', isText ? 'text/plain; charset=utf-8' : 'application/json');
  }
  const type = contentTypeOf(headers.get('content-type'));
  assertUtf8(type.charset, body);
  if (type.isJson) return typeof body === 'string' ? checkedJson(body) : JSON.stringify(body);
  if (type.mime === 'multipart/form-data') return multipart(body, headers);
  if (typeof body === 'string') return body;
  if (type.mime === 'application/x-www-form-urlencoded') return form(body);
  if (isBinary(body)) return bytesOf(body);
  if (typeof body !== 'object' && type.mime.startsWith('text/')) return String(body);
  throw unsupported(
    `the body is ${kindOf(body)} and cannot be sent as ${type.mime}: give text, or {"encoding": "base64", "data": …}; $string(…) writes JSON as text`,
  );
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Text is sent as UTF-8. */
function assertUtf8(charset: string | undefined, body: unknown): void {
  if (charset === undefined || /^utf-?8$/i.test(charset) || isBinary(body)) return;
  throw unsupported(`the body is sent as UTF-8, but its content type states ${charset}`);
}

/** A string is JSON text that the author has written. */
function checkedJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw unsupported(
      'the content type is JSON, but the body is a text that is not JSON: give the value itself, or $string(…) of it',
    );
  }
}

export function bytesOf({ data }: Binary, code = 'http_body_unsupported') {
  try {
    return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  } catch {
    throw new StepError(code, 'a value has the encoding base64, but its data is not base64');
  }
}

type Entries = [string, string][];

/** Nested values as the package qs writes them: a[b]=1, list[0]=x. Null, empty lists and empty objects are left out. */
function form(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw unsupported(`the body of a form must be an object, not ${kindOf(body)}`);
  }
  const entries: Entries = [];
  for (const [name, value] of Object.entries(body)) addFields(entries, name, value);
  return new URLSearchParams(entries).toString();
}

function addFields(entries: Entries, name: string, value: unknown): void {
  if (value === null || value === undefined) return;
  if (typeof value !== 'object') {
    entries.push([name, String(value)]);
    return;
  }
  for (const [key, part] of Object.entries(value)) addFields(entries, `${name}[${key}]`, part);
}

/** A list is a repeated field. A file is {filename, content, content_type?}; its content is text or base64. */
function multipart(body: unknown, headers: Headers): Body {
  const header = headers.get('content-type') ?? '';
  const given = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))/i.exec(header);
  if (typeof body === 'string') {
    if (given !== null) return body;
    throw unsupported('a multipart body that is a text needs a boundary in the content type');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw unsupported(`the body of a form must be an object, not ${kindOf(body)}`);
  }
  const boundary = given?.[1] ?? given?.[2] ?? `stepbase-${crypto.randomUUID()}`;
  if (given === null) headers.set('content-type', `multipart/form-data; boundary=${boundary}`);
  const encoder = new TextEncoder();
  const chunks: Uint8Array[] = [];
  for (const [name, value] of Object.entries(body)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === null) continue;
      const { head, content } = partOf(name, one);
      chunks.push(encoder.encode(`--${boundary}\r\n${head}\r\n\r\n`), content);
      chunks.push(encoder.encode('\r\n'));
    }
  }
  chunks.push(encoder.encode(`--${boundary}--\r\n`));
  return joined(chunks);
}

function partOf(name: string, value: unknown): { head: string; content: Uint8Array } {
  const disposition = `content-disposition: form-data; name="${quoted(name)}"`;
  if (typeof value !== 'object') {
    return { head: disposition, content: new TextEncoder().encode(String(value)) };
  }
  const { filename, content, content_type: type, ...rest } = value as Record<string, unknown>;
  const isFile =
    typeof filename === 'string' &&
    (typeof content === 'string' || isBinary(content)) &&
    (type === undefined || type === null || typeof type === 'string') &&
    Object.keys(rest).length === 0;
  if (!isFile) {
    throw unsupported(
      `the field ${name} of a multipart form must be a text, a number, a boolean, a list of these, or a file {filename, content, content_type}`,
    );
  }
  const mime =
    type ?? (isBinary(content) ? 'application/octet-stream' : 'text/plain; charset=utf-8');
  if (/[\r\n]/.test(mime))
    throw unsupported(`the content type of the file ${filename} is not valid`);
  return {
    head: `${disposition}; filename="${quoted(filename)}"\r\ncontent-type: ${mime}`,
    content: isBinary(content) ? bytesOf(content) : new TextEncoder().encode(content as string),
  };
}

/** As browsers write names (HTML, multipart form data). */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
