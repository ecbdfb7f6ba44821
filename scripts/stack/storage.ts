// Files, as Supabase Storage serves them to the secret key: buckets, and objects that are written, read and deleted.
// They are in a folder of the stack. Policies are not emulated, except the one by which members read stored outputs.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Claims, Gatekeeper } from './identity.ts';
import type { MayRead } from './storage-policies.ts';

/** Files of all buckets together; a development stack must not fill the disk. */
const MAX_TOTAL_BYTES = 512 * 1024 * 1024;

interface Bucket {
  id: string;
  name: string;
  public: boolean;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
  created_at: string;
}

interface Stored {
  size: number;
  content_type: string;
  updated_at: string;
}

interface Index {
  buckets: Record<string, Bucket>;
  /** By bucket and name: `<bucket>/<name>`. */
  objects: Record<string, Stored>;
}

/** As Storage does: the real status is in the body. */
class Refusal extends Error {
  readonly status: number;
  readonly error: string;

  constructor(status: number, error: string, message: string) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

const answer = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers });

const noBucket = () => new Refusal(404, 'Bucket not found', 'Bucket not found');
const noObject = () => new Refusal(404, 'not_found', 'Object not found');

export interface StorageService {
  fetch(request: Request): Promise<Response>;
}

export async function openStorage(
  dataDir: string,
  gatekeeper: Gatekeeper,
  mayRead: MayRead,
): Promise<StorageService> {
  const folder = join(dataDir, 'storage');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const indexFile = join(folder, 'index.json');
  const index = await readIndex(indexFile);
  /** Changes are made one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  async function save(): Promise<void> {
    await writeFile(`${indexFile}.tmp`, JSON.stringify(index), { mode: 0o600 });
    await rename(`${indexFile}.tmp`, indexFile);
  }

  /** Names of objects contain slashes and may be long. */
  const fileOf = (key: string) => join(folder, createHash('sha256').update(key).digest('hex'));
  const isBucket = (id: string) => Object.hasOwn(index.buckets, id);
  const totalBytes = () => Object.values(index.objects).reduce((sum, { size }) => sum + size, 0);

  function bucketOf(id: string): Bucket {
    const bucket = isBucket(id) ? index.buckets[id] : undefined;
    if (bucket === undefined) throw noBucket();
    return bucket;
  }

  async function createBucket(request: Request): Promise<Response> {
    const given = (await request.json()) as Partial<Bucket>;
    const id = given.id ?? given.name ?? '';
    if (!/^[\w!.\-*'() &$@=;:+,?]{1,100}$/.test(id)) {
      throw new Refusal(400, 'InvalidBucketName', 'Bucket name invalid');
    }
    if (isBucket(id)) throw new Refusal(409, 'Duplicate', 'The resource already exists');
    index.buckets[id] = {
      id,
      name: given.name ?? id,
      public: given.public ?? false,
      file_size_limit: given.file_size_limit ?? null,
      allowed_mime_types: given.allowed_mime_types ?? null,
      created_at: new Date().toISOString(),
    };
    await save();
    return answer({ name: id });
  }

  async function deleteBucket(id: string): Promise<Response> {
    bucketOf(id);
    if (Object.keys(index.objects).some((key) => key.startsWith(`${id}/`))) {
      throw new Refusal(409, 'InvalidRequest', 'The bucket you tried to delete is not empty');
    }
    delete index.buckets[id];
    await save();
    return answer({ message: 'Successfully deleted' });
  }

  async function write(id: string, name: string, request: Request): Promise<Response> {
    const { file_size_limit: limit, allowed_mime_types: types } = bucketOf(id);
    const key = `${id}/${name}`;
    const content_type = request.headers.get('content-type') ?? 'text/plain;charset=UTF-8';
    const mime = content_type.split(';')[0]?.trim() ?? '';
    if (types && !types.some((type) => type === mime || type === `${mime.split('/')[0]}/*`)) {
      throw new Refusal(415, 'invalid_mime_type', `mime type ${mime} is not supported`);
    }
    const bytes = new Uint8Array(await request.arrayBuffer());
    const before = index.objects[key]?.size ?? 0;
    if ((limit && bytes.length > limit) || totalBytes() - before + bytes.length > MAX_TOTAL_BYTES) {
      throw new Refusal(413, 'Payload too large', 'The object exceeded the maximum allowed size');
    }
    const upserts = request.method === 'PUT' || request.headers.get('x-upsert') === 'true';
    if (Object.hasOwn(index.objects, key) && !upserts) {
      throw new Refusal(409, 'Duplicate', 'The resource already exists');
    }
    await writeFile(fileOf(key), bytes, { mode: 0o600 });
    index.objects[key] = { size: bytes.length, content_type, updated_at: new Date().toISOString() };
    await save();
    return answer({ Key: key, Id: createHash('sha256').update(key).digest('hex').slice(0, 32) });
  }

  async function read(id: string, name: string): Promise<Response> {
    bucketOf(id);
    const key = `${id}/${name}`;
    const object = Object.hasOwn(index.objects, key) ? index.objects[key] : undefined;
    if (object === undefined) throw noObject();
    return new Response(new Uint8Array(await readFile(fileOf(key))), {
      headers: { 'content-type': object.content_type },
    });
  }

  async function remove(id: string, name: string): Promise<Response> {
    bucketOf(id);
    const key = `${id}/${name}`;
    if (!Object.hasOwn(index.objects, key)) throw noObject();
    delete index.objects[key];
    await rm(fileOf(key), { force: true });
    await save();
    return answer({ message: 'Successfully deleted' });
  }

  /** Deletes those of the objects that exist, and answers with them. */
  async function removeAll(id: string, request: Request): Promise<Response> {
    bucketOf(id);
    const { prefixes = [] } = (await request.json()) as { prefixes?: string[] };
    const found = prefixes.filter((name) => Object.hasOwn(index.objects, `${id}/${name}`));
    for (const name of found) {
      delete index.objects[`${id}/${name}`];
      await rm(fileOf(`${id}/${name}`), { force: true });
    }
    if (found.length > 0) await save();
    return answer(found.map((name) => ({ bucket_id: id, name })));
  }

  async function route(request: Request, url: URL, claims: Claims): Promise<Response> {
    const { method } = request;
    const [kind = '', ...rest] = url.pathname.slice('/storage/v1/'.length).split('/');
    const parts = rest.map(decodeURIComponent);
    if (claims.role !== 'service_role') {
      const [id = '', ...path] = parts[0] === 'authenticated' ? parts.slice(1) : parts;
      if (kind !== 'object' || method !== 'GET') {
        throw new Refusal(403, 'Unauthorized', 'new row violates row-level security policy');
      }
      if (!(await mayRead(claims, id, path.join('/')))) throw noObject();
    }
    if (kind === 'bucket') {
      const [id] = parts;
      if (id === undefined && method === 'POST') return await inOrder(() => createBucket(request));
      if (id === undefined && method === 'GET') return answer(Object.values(index.buckets));
      if (id !== undefined && method === 'GET') return answer(bucketOf(id));
      if (id !== undefined && method === 'DELETE') return await inOrder(() => deleteBucket(id));
    }
    if (kind === 'object') {
      if (parts[0] === 'authenticated' && method === 'GET') parts.shift();
      const [id = '', ...path] = parts;
      const name = path.join('/');
      if (name === '' && method === 'DELETE') return await inOrder(() => removeAll(id, request));
      if (name === '' || path.some((part) => /^\.*$/.test(part))) {
        throw new Refusal(400, 'InvalidKey', `Invalid key: ${name}`);
      }
      if (method === 'POST' || method === 'PUT') {
        return await inOrder(() => write(id, name, request));
      }
      if (method === 'GET') return await read(id, name);
      if (method === 'DELETE') return await inOrder(() => remove(id, name));
    }
    throw new Refusal(404, 'not_found', `Route ${method}:${url.pathname} not found`);
  }

  return {
    async fetch(request) {
      const url = new URL(request.url);
      const caller = await gatekeeper.identify(request.headers, url);
      if (!caller.ok) return caller.response;
      try {
        return await route(request, url, caller.claims);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { status, error: code, message } = error;
        return answer({ statusCode: String(status), error: code, message }, 400);
      }
    },
  };
}

async function readIndex(file: string): Promise<Index> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Index;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { buckets: {}, objects: {} };
  }
}
