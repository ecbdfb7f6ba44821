// Reads and writes an object for a step: failures of Storage become failures of the step.

import { STORAGE_MAX_BYTES } from '../../_shared/step-types/config.ts';
import * as objects from '../../_shared/storage/objects.ts';
import { abortError, StepError } from './errors.ts';

async function asStep<T>(signal: AbortSignal, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    if (!(error instanceof objects.StorageError)) throw error;
    const { code, message, retryable, details } = error;
    throw new StepError(code, message, {
      retryable,
      ...(details === undefined ? {} : { details }),
      cause: error,
    });
  }
}

export const readObject = (
  access: objects.StorageAccess,
  object: objects.StoredObject,
  limit: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; contentType: string | null }> =>
  asStep(signal, objects.readObject(access, object, limit, signal));

export async function writeObject(
  access: objects.StorageAccess,
  object: objects.StoredObject,
  file: { body: Uint8Array; contentType: string; overwrite: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (file.body.byteLength > STORAGE_MAX_BYTES) {
    throw new StepError(
      'storage_too_large',
      `the content has more than ${STORAGE_MAX_BYTES} bytes`,
    );
  }
  await asStep(signal, objects.writeObject(access, object, file, signal));
}
