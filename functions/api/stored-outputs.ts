// Reads the outputs that are objects of Supabase Storage. The database decides as the caller, by the same function as the
// policy on storage.objects; the secret key only transports, because Storage knows no API keys.
import type { Query } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import {
  OUTPUT_BUCKET,
  OutputChanged,
  OutputTooLarge,
  referencesIn,
  withStoredOutputs,
} from '../_shared/outputs/reference.ts';
import { readObject, type StorageAccess, StorageError } from '../_shared/storage/objects.ts';

export interface StepOutput {
  app_code: string;
  attempt: number;
  output: unknown;
}

/** The newest output of a step that the caller may read, with the references that may be followed. */
export async function readStepOutput(
  query: Query,
  { runId, stepId, itemIndex }: { runId: string; stepId: string; itemIndex: number },
): Promise<StepOutput | undefined> {
  const [row] = await query<StepOutput>(
    `select s.app_code, s.attempt, s.output
     from stepbase.step_runs s
     where s.run_id = $1 and s.step_id = $2 and s.item_index = $3 and s.status = 'completed'
     order by s.attempt desc
     limit 1`,
    [runId, stepId, itemIndex],
  );
  if (row === undefined) return undefined;
  const paths = referencesIn(row.output, row.app_code).map(({ path }) => path);
  if (paths.length === 0) return row;
  const [allowed] = await query<{ all: boolean }>(
    `select bool_and(stepbase_private.may_read_stored_output(p)) as "all" from unnest($1::text[]) p`,
    [paths],
  );
  if (allowed?.all !== true)
    throw new AppError('permission_denied', 'The permission run:read is required');
  return row;
}

export async function withContents(
  { app_code, output }: StepOutput,
  storage: StorageAccess,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await withStoredOutputs(output, app_code, async ({ path, size }) => {
      const object = { bucket: OUTPUT_BUCKET, name: path };
      return (await readObject(storage, object, size, signal)).bytes;
    });
  } catch (error) {
    if (error instanceof OutputTooLarge) throw new AppError('invalid_request', error.message);
    if (error instanceof OutputChanged) throw new AppError('conflict', error.message);
    if (!(error instanceof StorageError)) throw error;
    if (error.code === 'storage_not_found') {
      throw new AppError('not_found', `The stored output does not exist: ${error.message}`);
    }
    throw new AppError('unavailable', `The output cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}
