// Deletes the stored outputs of deleted runs from Supabase Storage, beside the work for runs. A row is forgotten after its
// object is deleted; until then the database returns it again.

import { OUTPUT_BUCKET } from '../../_shared/outputs/reference.ts';
import { removeObjects, type StorageAccess } from '../../_shared/storage/objects.ts';
import { SingleJob } from '../single-job.ts';
import type { StoredOutputQueries } from './queries.ts';

export interface RemovalOptions {
  queries: Pick<StoredOutputQueries, 'takeDeletable' | 'forget'>;
  storage: StorageAccess;
  acceptsWork(): boolean;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class OutputRemoval {
  readonly #options: RemovalOptions;
  readonly #job: SingleJob;
  #stop = new AbortController();

  constructor(options: RemovalOptions) {
    this.#options = options;
    this.#job = new SingleJob(() => this.#run(), options.onIdle);
  }

  get isBusy(): boolean {
    return this.#job.isBusy;
  }

  /** Aborts the request under way; it is repeated. */
  cancelAll(): void {
    this.#stop.abort();
  }

  settled(): Promise<void> {
    return this.#job.settled();
  }

  /** Deletes until nothing is due. After an error the next look at the timers starts it again. */
  start(): void {
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { queries, storage, acceptsWork, onError } = this.#options;
    this.#stop = new AbortController();
    try {
      while (acceptsWork()) {
        const paths = await queries.takeDeletable();
        if (paths.length === 0) return;
        await removeObjects(storage, OUTPUT_BUCKET, paths, this.#stop.signal);
        await queries.forget(paths);
      }
    } catch (error) {
      onError('stored outputs could not be deleted; they are deleted later', error);
    }
  }
}
