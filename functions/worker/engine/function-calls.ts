// Calls of the project's functions by sql_function steps. They take as long as the project's SQL takes, so they have
// connections of their own: two, which the apps use in turn. The engine's connections stay free for its statements.

import type { Db } from '../../_shared/db/pool.ts';
import { toStorableJson } from '../../_shared/text/storable.ts';
import { FairQueue } from '../fair-queue.ts';
import type { FunctionCall } from '../steps/types.ts';

/** Connections for the calls of one worker. */
export const CALL_CONNECTIONS = 2;

export interface FunctionCalls {
  /** A repeated call of the same step returns the result of the first one that succeeded. */
  call(runId: string, key: string, call: FunctionCall): Promise<unknown>;
}

export function createFunctionCalls(db: Pick<Db, 'transaction'>): FunctionCalls {
  const waiting = new FairQueue<() => void>();
  let free = CALL_CONNECTIONS;

  function pump(): void {
    while (free > 0) {
      const next = waiting.take();
      if (next === undefined) return;
      free -= 1;
      next.item();
    }
  }

  /** Resolves when the app has its turn. */
  function turn(app: string): Promise<void> {
    return new Promise((resolve) => {
      waiting.add(app, resolve);
      pump();
    });
  }

  return {
    async call(runId, key, { app, name, args, timeoutMs, traceparent, signal, queueing }) {
      await queueing(turn(app));
      try {
        signal.throwIfAborted();
        return await db.transaction(async (query) => {
          // The limit of the role (15 s) stays the longest one.
          await query(
            `select set_config('statement_timeout', least($1::int, nullif(s.setting::int, 0))::text, true),
               set_config('stepbase.traceparent', $2, true)
             from pg_catalog.pg_settings s where s.name = 'statement_timeout'`,
            [Math.ceil(timeoutMs), traceparent ?? ''],
          );
          const [row] = await query<{ result: unknown }>(
            'select stepbase_engine.call_function($1, $2, $3, $4::jsonb) as result',
            [runId, key, name, toStorableJson(args)],
          );
          return row?.result ?? null;
        });
      } finally {
        free += 1;
        pump();
      }
    },
  };
}
