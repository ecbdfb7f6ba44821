// References to outputs that are objects of Supabase Storage, because they are too large for the database. A reference
// stands where the output would stand: as the output of a step, or within the output of a for_each, a child or a run.

import { createHash } from 'node:crypto';
import { parseJson } from '../text/json-numbers.ts';

export const OUTPUT_BUCKET = 'stepbase-outputs';

/** The most bytes of one output, and of all stored outputs that one step or request reads. */
export const MAX_OUTPUT_BYTES = 33_554_432;

export interface OutputReference {
  $stepbase: 'storage';
  bucket: typeof OUTPUT_BUCKET;
  /** `<app_code>/<run_id>/<step_run_id>/<fence>.json` */
  path: string;
  /** In bytes. */
  size: number;
  /** Of the bytes, in hexadecimal digits. */
  sha256: string;
  content_type: 'application/json';
}

const PATH = /^[^/]+\/[0-9a-f-]{36}\/[0-9a-f-]{36}\/\d{1,10}\.json$/;

/** A step can return an object that looks like a reference: only paths of the application count. */
function isReference(value: object, appCode: string): value is OutputReference {
  const given = value as Partial<Record<keyof OutputReference, unknown>>;
  return (
    given.$stepbase === 'storage' &&
    given.bucket === OUTPUT_BUCKET &&
    typeof given.path === 'string' &&
    given.path.startsWith(`${appCode}/`) &&
    PATH.test(given.path) &&
    typeof given.sha256 === 'string' &&
    Number.isSafeInteger(given.size) &&
    (given.size as number) > 0
  );
}

interface Place {
  holder: object;
  key: string;
  reference: OutputReference;
}

function placesIn(root: object, appCode: string): Place[] {
  const places: Place[] = [];
  const pending: object[] = [root];
  for (let holder = pending.pop(); holder !== undefined; holder = pending.pop()) {
    for (const [key, value] of Object.entries(holder)) {
      if (typeof value !== 'object' || value === null) continue;
      if (isReference(value, appCode)) places.push({ holder, key, reference: value });
      else pending.push(value);
    }
  }
  return places;
}

/** The references in a value, each path once. */
export function referencesIn(value: unknown, appCode: string): OutputReference[] {
  const found = placesIn({ value }, appCode).map(({ reference }) => reference);
  return [...new Map(found.map((reference) => [reference.path, reference])).values()];
}

export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge';
}

/**
 * The value with the outputs in place of their references; the same value if it has none. Throws OutputTooLarge if they
 * have more than MAX_OUTPUT_BYTES together.
 */
export async function withStoredOutputs<T>(
  value: T,
  appCode: string,
  read: (reference: OutputReference) => Promise<Uint8Array>,
): Promise<T> {
  const references = referencesIn(value, appCode);
  if (references.length === 0) return value;
  const size = references.reduce((sum, reference) => sum + reference.size, 0);
  if (size > MAX_OUTPUT_BYTES) {
    throw new OutputTooLarge(
      `the outputs have ${size} bytes in Supabase Storage; at most ${MAX_OUTPUT_BYTES} can be read together`,
    );
  }
  const texts = new Map<string, string>();
  for (const reference of references) {
    texts.set(reference.path, await readText(reference, read));
  }
  const root = structuredClone({ value });
  for (const { holder, key, reference } of placesIn(root, appCode)) {
    const content = parseJson(texts.get(reference.path) ?? 'null');
    // An assignment to the key __proto__ would set no property.
    Object.defineProperty(holder, key, {
      value: content,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return root.value;
}

export class OutputChanged extends Error {
  override readonly name = 'OutputChanged';
}

async function readText(
  reference: OutputReference,
  read: (reference: OutputReference) => Promise<Uint8Array>,
): Promise<string> {
  const bytes = await read(reference);
  if (sha256(bytes) !== reference.sha256) {
    throw new OutputChanged(`${reference.path} is not the output that the step wrote`);
  }
  return new TextDecoder().decode(bytes);
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');
