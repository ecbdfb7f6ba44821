// The calls of Supabase Storage: an object is read or written with the secret key, so the steps keep to the folder of
// their application.

import { STORAGE_MAX_BYTES } from '../../_shared/step-types/config.ts';
import { parseJson } from '../../_shared/text/json-numbers.ts';
import { joined } from './answers.ts';
import { abortError, StepError } from './errors.ts';

export interface StorageAccess {
  /** The address of the project. */
  url: string;
  secretKey?: string;
}

export interface StoredObject {
  bucket: string;
  /** With the folder of the application. */
  name: string;
}

/** Storage answers many refusals with status 400 and the real status in the body. */
const CODES: Readonly<Record<number, string>> = {
  404: 'storage_not_found',
  409: 'storage_exists',
  413: 'storage_too_large',
  415: 'storage_type_refused',
};

const RETRYABLE = (status: number) => status === 408 || status === 429 || status >= 500;

function addressOf({ url }: StorageAccess, { bucket, name }: StoredObject): string {
  const path = [bucket, ...name.split('/')].map(encodeURIComponent).join('/');
  return `${url}/storage/v1/object/${path}`;
}

async function request(
  access: StorageAccess,
  object: StoredObject,
  signal: AbortSignal,
  init: { method: string; headers?: Record<string, string>; body?: string | Uint8Array },
): Promise<Response> {
  const { secretKey } = access;
  if (secretKey === undefined) {
    throw new StepError('storage_not_configured', 'the worker has no SUPABASE_SECRET_KEY');
  }
  let response: Response;
  try {
    response = await fetch(addressOf(access, object), {
      method: init.method,
      headers: { ...init.headers, apikey: secretKey, authorization: `Bearer ${secretKey}` },
      ...(init.body === undefined ? {} : { body: init.body as BodyInit }),
      signal,
      redirect: 'error',
    });
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new StepError('storage_unavailable', 'Supabase Storage does not answer', {
      retryable: true,
      cause,
    });
  }
  if (response.ok) return response;
  throw await refusal(response, object);
}

async function refusal(response: Response, { bucket, name }: StoredObject): Promise<StepError> {
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
  return new StepError(code, `${bucket}/${name}: ${reason}`, {
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
  return joined(chunks);
}

export async function readObject(
  access: StorageAccess,
  object: StoredObject,
  limit: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; contentType: string | null }> {
  const response = await request(access, object, signal, { method: 'GET' });
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readUpTo(response, limit);
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    throw new StepError('storage_unavailable', 'the file broke off', { retryable: true, cause });
  }
  if (bytes === undefined) {
    throw new StepError(
      'storage_too_large',
      `${object.bucket}/${object.name} has more than ${limit} bytes (max_bytes)`,
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
  if (file.body.byteLength > STORAGE_MAX_BYTES) {
    throw new StepError(
      'storage_too_large',
      `the content has more than ${STORAGE_MAX_BYTES} bytes`,
    );
  }
  const response = await request(access, object, signal, {
    method: 'POST',
    headers: { 'content-type': file.contentType, 'x-upsert': String(file.overwrite) },
    body: file.body,
  });
  await response.body?.cancel();
}
