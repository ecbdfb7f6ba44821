// Large outputs: the worker writes an output above the limit to Supabase Storage and keeps a reference in its place; a
// step that reads the output gets the object's content.

import type { Clock } from '../../_shared/clock/clock.ts';
import { retry } from '../../_shared/db/retry.ts';
import {
  MAX_OUTPUT_BYTES,
  OUTPUT_BUCKET,
  OutputChanged,
  type OutputReference,
  OutputTooLarge,
  sha256,
  withStoredOutputs,
} from '../../_shared/outputs/reference.ts';
import {
  ensureBucket,
  readObject,
  type StorageAccess,
  StorageError,
  writeObject,
} from '../../_shared/storage/objects.ts';
import { toStorableJson } from '../../_shared/text/storable.ts';
import type { Work } from '../engine/types.ts';
import { abortError, StepError } from '../steps/errors.ts';
import type { StoredOutputQueries } from './queries.ts';

/** Before the attempt fails, and its side effects are repeated by the next one. */
const WRITES = 4;

export interface Outputs {
  /** The output as it is stored: itself or a reference. */
  store(work: Work, output: unknown, signal: AbortSignal): Promise<unknown>;
  /** The outputs by step id, with contents in place of references. */
  load(
    appCode: string,
    outputs: Map<string, unknown>,
    signal: AbortSignal,
  ): Promise<Map<string, unknown>>;
}

export interface OutputsOptions {
  queries: Pick<StoredOutputQueries, 'register'>;
  storage: StorageAccess;
  /** A larger output goes to Storage; 0: none does. */
  limitBytes: number;
  clock: Clock;
}

export function createOutputs({ queries, storage, limitBytes, clock }: OutputsOptions): Outputs {
  const isUsed = limitBytes > 0 && storage.secretKey !== undefined;

  async function write(path: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const object = { bucket: OUTPUT_BUCKET, name: path };
    // A repeated write is the same object.
    const file = { body, contentType: 'application/json', overwrite: true };
    try {
      await writeObject(storage, object, file, signal);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'storage_not_found')) throw error;
      await ensureBucket(storage, OUTPUT_BUCKET, signal);
      await writeObject(storage, object, file, signal);
    }
  }

  async function toStorage(
    work: Work,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<OutputReference> {
    const path = await queries.register(work, body.byteLength).catch(asLeaseLost);
    await retry(() => write(path, body, signal), {
      clock,
      attempts: WRITES,
      signal,
      isRetryable: (error) => error instanceof StorageError && error.retryable,
    });
    return {
      $stepbase: 'storage',
      bucket: OUTPUT_BUCKET,
      path,
      size: body.byteLength,
      sha256: sha256(body),
      content_type: 'application/json',
    };
  }

  return {
    async store(work, output, signal) {
      if (output === null || (typeof output !== 'object' && typeof output !== 'string')) {
        return output;
      }
      const json = toStorableJson(output);
      // A UTF-16 unit has at most three bytes.
      if (json.length * 3 <= (isUsed ? limitBytes : MAX_OUTPUT_BYTES)) return output;
      const body = new TextEncoder().encode(json);
      if (body.byteLength > MAX_OUTPUT_BYTES) {
        throw new StepError(
          'output_too_large',
          `the output has ${body.byteLength} bytes; an output has at most ${MAX_OUTPUT_BYTES}`,
        );
      }
      if (!isUsed || body.byteLength <= limitBytes) return output;
      // An eagerly executed step has no step run yet. It is executed again in the normal way.
      if (work.step_run_id === '') {
        throw new StepError('output_not_stored', 'the step has no row yet', { retryable: true });
      }
      try {
        return await toStorage(work, body, signal);
      } catch (error) {
        if (signal.aborted) throw abortError(signal);
        if (!(error instanceof StorageError)) throw error;
        throw new StepError(
          'output_not_stored',
          `the output has ${body.byteLength} bytes and could not be written to Supabase Storage: ${error.message}`,
          { retryable: true, details: { code: error.code }, cause: error },
        );
      }
    },
    async load(appCode, outputs, signal) {
      const read = async ({ path, size }: OutputReference) => {
        const object = { bucket: OUTPUT_BUCKET, name: path };
        const { bytes } = await retry(() => readObject(storage, object, size, signal), {
          clock,
          attempts: WRITES,
          signal,
          isRetryable: (error) => error instanceof StorageError && error.retryable,
        });
        return bytes;
      };
      try {
        const given = Object.fromEntries(outputs);
        const loaded = await withStoredOutputs(given, appCode, read);
        return loaded === given ? outputs : new Map(Object.entries(loaded));
      } catch (error) {
        if (signal.aborted) throw abortError(signal);
        throw asUnreadable(error);
      }
    },
  };
}

function asUnreadable(error: unknown): unknown {
  if (error instanceof OutputTooLarge) return new StepError('output_too_large', error.message);
  if (error instanceof OutputChanged) return new StepError('output_not_readable', error.message);
  if (!(error instanceof StorageError)) return error;
  return new StepError('output_not_readable', `a stored output cannot be read: ${error.message}`, {
    retryable: error.retryable,
    details: { code: error.code },
    cause: error,
  });
}

/** The engine refuses the outcome of this attempt once another worker has claimed the step. */
function asLeaseLost(error: unknown): never {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'SB409') throw error;
  throw new StepError('lease_lost', 'the worker lost its lease before it could store the output', {
    retryable: true,
    cause: error,
  });
}

/** Keeps every output in the database. */
export const inDatabase: Outputs = {
  store: (_work, output) => Promise.resolve(output),
  load: (_appCode, outputs) => Promise.resolve(outputs),
};
