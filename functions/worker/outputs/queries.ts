// The statements of stored outputs (*_stored_outputs.sql).

import type { Clock } from '../../_shared/clock/clock.ts';
import type { Db } from '../../_shared/db/pool.ts';
import { retry } from '../../_shared/db/retry.ts';

export interface StoredOutputQueries {
  /** The path of the object that the attempt may write. Rejects with SB409 if the lease is lost. */
  register(attempt: { step_run_id: string; fence: number }, size: number): Promise<string>;
  takeDeletable(): Promise<string[]>;
  forget(paths: readonly string[]): Promise<void>;
}

export function createStoredOutputQueries(db: Db, clock: Clock): StoredOutputQueries {
  return {
    async register({ step_run_id, fence }, size) {
      const [row] = await retry(
        () =>
          db.query<{ path: string }>(
            'select stepbase_engine.register_stored_output($1, $2, $3) as path',
            [step_run_id, fence, size],
          ),
        { clock },
      );
      if (row === undefined) throw new Error('the statement returned no row');
      return row.path;
    },
    async takeDeletable() {
      const rows = await db.query<{ path: string }>(
        'select path from stepbase_engine.take_deletable_outputs() path',
      );
      return rows.map(({ path }) => path);
    },
    async forget(paths) {
      await db.query('select stepbase_engine.forget_stored_outputs($1::text[])', [paths]);
    },
  };
}
