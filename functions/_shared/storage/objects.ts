// The calls of the Storage API with the secret key of the project: objects are read, written and deleted, and buckets are
// created. The secret key bypasses the policies of Storage, so callers decide which names they use.

import { parseJson } from '../text/json-numbers.ts';

export interface StorageAccess {
  /** The address of the project. */
  url: string;
  secretKey?: string | undefined;
}

export interface StoredObject {
  bucket: string;
  /** With the folder of the application. */
  name: string;
}

export interface StorageErrorOptions {
  retryable?: boolean;
  details?: unknown;
  cause?: unknown;
}

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: string;
  readonly retryable: boolean;
  readonly details: unknown;

  constructor(code: string, message: string, options: StorageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details;
  }
}

/** Storage answers many refusals with status 400 and the real status in the body. */
const CODES: Readonly<Record<number, string>> = {
  404: 'storage_not_found',
  409: 'storage_exists',
  413: 'storage_too_large',
  415: 'storage_type_refused',
};

const RETRYABLE = (status: number) => status === 408 || status === 429 || status >= 500;

interface Call {
  method: string;
  /** Below /storage/v1/. */
  path: string[];
  /** The bucket or object, for messages. */
  what: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

async function request(access: StorageAccess, signal: AbortSignal, call: Call): Promise<Response> {
  const { url, secretKey } = access;
  if (secretKey === undefined) {
    throw new StorageError('storage_not_configured', 'SUPABASE_SECRET_KEY is not set');
  }
  let response: Response;
  try {
    response = await fetch(`${url}/storage/v1/${call.path.map(encodeURIComponent).join('/')}`, {
      method: call.method,
      headers: { ...call.headers, apikey: secretKey, authorization: `Bearer ${secretKey}` },
      ...(call.body === undefined ? {} : { body: call.body as BodyInit }),
      signal,
      redirect: 'error',
    });
  } catch (cause) {
    throw new StorageError('storage_unavailable', 'Supabase Storage does not answer', {
      retryable: true,
      cause,
    });
  }
  if (response.ok) return response;
  throw await refusal(response, call.what);
}

async function refusal(response: Response, what: string): Promise<StorageError> {
  const text = new TextDecoder().decode(await readUpTo(response, 16_384).catch(() => undefined));
  let answer: { statusCode?: unknown; error?: unknown; message?: unknown } = {};
  try {
    answer = (parseJson(text) ?? {}) as typeof answer;
  } catch {
    // An answer of a proxy: only its status counts.
  }
  const inside = Number(answer.statusCode);
  const status = inside >= 400 && inside < 600 ? inside : response.status;
  const code = CODES[status] ?? (RETRYABLE(status) ? 'storage_unavailable' : 'storage_refused');
  const reason = typeof answer.message === 'string' ? answer.message : `status ${status}`;
  return new StorageError(code, `${what}: ${reason}`, {
    retryable: RETRYABLE(status),
    details: { status },
  });
}

/** Undefined beyond the limit. */
async function readUpTo(response: Response, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the stream.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

const objectPath = ({ bucket, name }: StoredObject) => ['object', bucket, ...name.split('/')];
const nameOf = ({ bucket, name }: StoredObject) => `${bucket}/${name}`;

export async function readObject(
  access: StorageAccess,
  object: StoredObject,
  limit: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; contentType: string | null }> {
  const call = { method: 'GET', path: objectPath(object), what: nameOf(object) };
  const response = await request(access, signal, call);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readUpTo(response, limit);
  } catch (cause) {
    throw new StorageError('storage_unavailable', 'the file broke off', { retryable: true, cause });
  }
  if (bytes === undefined) {
    throw new StorageError(
      'storage_too_large',
      `${nameOf(object)} has more than ${limit} bytes (max_bytes)`,
    );
  }
  return { bytes, contentType: response.headers.get('content-type') };
}

export async function writeObject(
  access: StorageAccess,
  object: StoredObject,
  file: { body: Uint8Array; contentType: string; overwrite: boolean },
  signal: AbortSignal,
): Promise<void> {
  const response = await request(access, signal, {
    method: 'POST',
    path: objectPath(object),
    what: nameOf(object),
    headers: { 'content-type': file.contentType, 'x-upsert': String(file.overwrite) },
    body: file.body,
  });
  await response.body?.cancel();
}

/** Deletes those of the objects that exist. */
export async function removeObjects(
  access: StorageAccess,
  bucket: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    const response = await request(access, signal, {
      method: 'DELETE',
      path: ['object', bucket],
      what: bucket,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prefixes: names }),
    });
    await response.body?.cancel();
  } catch (error) {
    // There is no bucket: nothing was written to it.
    if (!(error instanceof StorageError && error.code === 'storage_not_found')) throw error;
  }
}

/** Creates a private bucket, or leaves an existing one as it is. */
export async function ensureBucket(
  access: StorageAccess,
  bucket: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const response = await request(access, signal, {
      method: 'POST',
      path: ['bucket'],
      what: bucket,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: bucket, name: bucket, public: false }),
    });
    await response.body?.cancel();
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'storage_exists')) throw error;
  }
}
