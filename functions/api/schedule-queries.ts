// Statements of schedules that are RPCs. All run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { type Json, one } from './queries.ts';

export const runScheduleNow = (query: Query, id: string, policy: string | undefined) =>
  one(query, 'select to_jsonb(r) as value from stepbase.run_schedule_now($1, $2) r', [
    id,
    policy ?? null,
  ]);

export async function nextScheduleTimes(
  query: Query,
  id: string,
  count: number,
): Promise<unknown[]> {
  const rows = await query<{ at: unknown }>(
    'select to_jsonb(t) as at from stepbase.next_schedule_times($1, $2::int) t',
    [id, count],
  );
  return rows.map(({ at }) => at);
}

/** Without the times: a client follows the counters. */
const BACKFILL = "select to_jsonb(b) - 'times' as value from";

export const backfillSchedule = (
  query: Query,
  id: string,
  range: { from_time: string; to_time: string; overlap_policy?: string | undefined },
): Promise<Json> =>
  one(query, `${BACKFILL} stepbase.backfill_schedule($1, $2, $3, $4) b`, [
    id,
    range.from_time,
    range.to_time,
    range.overlap_policy ?? null,
  ]);

export const cancelBackfill = (query: Query, id: string): Promise<Json> =>
  one(query, `${BACKFILL} stepbase.cancel_backfill($1) b`, [id]);
