// The answer of an HTTP call: headers, text in its charset, JSON, and bytes that are no text as base64.

import { parseJson } from '../../_shared/text/json-numbers.ts';
import { storableText } from '../../_shared/text/storable.ts';
import type { HttpResponse } from './connect.ts';
import { StepError } from './errors.ts';

/** Bytes that are not text in the charset of the answer. */
export interface Binary {
  encoding: 'base64';
  data: string;
}

export function isBinary(value: unknown): value is Binary {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false;
  const { encoding, data } = value as Record<string, unknown>;
  return encoding === 'base64' && typeof data === 'string';
}

/** HTTP has no body here, even if the headers declare one (RFC 9110, 6.4.1). */
export function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 205 && status !== 304;
}

/** The headers of an answer by their names in lower case: repeated ones are joined by a comma, except for cookies. */
export class AnswerHeaders {
  readonly #values: Record<string, string>;
  readonly #cookies: string[] = [];

  constructor(entries: Iterable<readonly [string, string]>) {
    const values = new Map<string, string>();
    for (const [given, value] of entries) {
      const name = given.toLowerCase();
      const before = values.get(name);
      if (name === 'set-cookie') this.#cookies.push(value);
      else values.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    this.#values = Object.fromEntries([...values].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  get(name: string): string | null {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? null) : null;
  }

  delete(name: string): void {
    delete this.#values[name];
  }

  /** For the output of a step; set-cookie is always a list. */
  toJSON(): Record<string, string | string[]> {
    return this.#cookies.length === 0
      ? { ...this.#values }
      : { ...this.#values, 'set-cookie': this.#cookies };
  }
}

/** The whole body; throws beyond the limit. */
export async function readWhole(response: HttpResponse, limit: number): Promise<Uint8Array> {
  if (Number(response.headers.get('content-length') ?? 0) > limit) {
    await response.discard();
    throw tooLarge(response, limit);
  }
  const chunks: Uint8Array[] = [];
  await readPieces(response, limit, (chunk) => chunks.push(chunk));
  return joined(chunks);
}

/** UTF-8 text while it arrives; throws beyond the limit. */
export async function readText(
  response: HttpResponse,
  limit: number,
  onText: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  await readPieces(response, limit, (chunk) => onText(decoder.decode(chunk, { stream: true })));
  onText(decoder.decode());
}

async function readPieces(
  response: HttpResponse,
  limit: number,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  let size = 0;
  // The exception ends the loop and so cancels the stream, which closes the connection.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(response, limit);
    take(chunk);
  }
}

const tooLarge = ({ status }: HttpResponse, limit: number) =>
  new StepError('http_response_too_large', `the response is larger than ${limit} bytes`, {
    details: { status },
  });

/** The beginning of a body, for an error: a body that breaks off or does not end is cut and never an error itself. */
export async function readBeginning(response: HttpResponse, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size >= limit) break;
    }
  } catch {
    // The status counts, not the body.
  }
  return joined(chunks).subarray(0, limit);
}

export function joined(chunks: readonly Uint8Array[]) {
  const [only] = chunks;
  if (chunks.length === 1 && only) return only;
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json$|^text\/json$/;
const textType =
  /^(?:text\/|application\/(?:xml|x-www-form-urlencoded|javascript)$|[\w.+/-]+\+xml$)/;

export interface ContentType {
  /** In lower case, without parameters. */
  mime: string;
  charset: string | undefined;
  isJson: boolean;
}

export function contentTypeOf(header: string | null): ContentType {
  const [mime = '', ...rest] = (header ?? '').split(';');
  const parameters = rest.join(';');
  const [, quoted, bare] =
    /(?:^|;)\s*charset\s*=\s*(?:"([^"]*)"|([^;\s,]+))/i.exec(parameters) ?? [];
  const type = mime.trim().toLowerCase();
  return { mime: type, charset: (quoted ?? bare)?.trim(), isJson: jsonType.test(type) };
}

/** JSON is parsed and text decoded. Bytes that are no text in their charset become base64. */
export function parseBody(
  bytes: Uint8Array,
  header: string | null,
  { status, isCut = false }: { status: number; isCut?: boolean },
): unknown {
  if (bytes.byteLength === 0) return null;
  const type = contentTypeOf(header);
  const text = decode(bytes, type, isCut);
  if (type.isJson) {
    const parsed = asJson(text);
    if (parsed !== undefined) return parsed.value;
    // What an error page contains is no reason for another error.
    if (status < 400) throw invalidJson(status);
  }
  return text === undefined || storableText(text) !== text ? base64Of(bytes) : text;
}

function asJson(text: string | undefined): { value: unknown } | undefined {
  if (text === undefined) return undefined;
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}

function invalidJson(status: number): StepError {
  return new StepError(
    'http_invalid_json',
    'the content type of the response is JSON, but its body is not JSON in the charset of the response',
    { details: { status } },
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** undefined if the bytes are not text in the charset, or the charset is unknown. */
function decode(bytes: Uint8Array, type: ContentType, isCut: boolean): string | undefined {
  const isText = type.isJson || type.mime === '' || textType.test(type.mime);
  const declared = type.charset ?? (isText ? declaredInside(bytes, type.mime) : undefined);
  const charset = (isText ? markOf(bytes) : undefined) ?? declared ?? 'utf-8';
  try {
    // A decoder that is used again must not keep the state of a stream.
    if (charset === 'utf-8' && !isCut) return utf8.decode(bytes);
    return new TextDecoder(charset, { fatal: true }).decode(bytes, { stream: isCut });
  } catch (error) {
    // JSON is UTF-8; an unknown charset does not change that.
    const isUnknown = error instanceof RangeError;
    return type.isJson && isUnknown && charset !== 'utf-8'
      ? decode(bytes, { ...type, charset: 'utf-8' }, isCut)
      : undefined;
  }
}

/** A byte order mark counts more than a declared charset (WHATWG Encoding). */
function markOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return undefined;
}

/** The charset that XML and HTML declare in their text. */
function declaredInside(bytes: Uint8Array, mime: string): string | undefined {
  if (!/xml|html/.test(mime)) return undefined;
  const beginning = new TextDecoder('latin1').decode(bytes.subarray(0, 1_024));
  const found =
    /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)/i.exec(beginning) ??
    /<meta\s[^>]*charset\s*=\s*["']?([\w.:-]+)/i.exec(beginning);
  // An UTF-16 text could not be read up to this place.
  return found?.[1]?.replace(/^utf-16.*/i, 'utf-8');
}

export function base64Of(bytes: Uint8Array): Binary {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return { encoding: 'base64', data: btoa(parts.join('')) };
}

/** Limited, so that a server cannot delay a run for days. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Seconds, rounded up, or a date of the form that RFC 9110 requires; anything else is ignored. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    return Math.min(Math.ceil(Number(value)) * 1_000, LONGEST_RETRY_AFTER_MS);
  }
  const date = new Date(value);
  if (Number.isNaN(date.getTime()) || date.toUTCString() !== value) return undefined;
  return Math.min(Math.max(date.getTime() - now.getTime(), 0), LONGEST_RETRY_AFTER_MS);
}
