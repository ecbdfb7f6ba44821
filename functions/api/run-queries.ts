// Further statements about runs: whether one has ended, its context, and redriving. They run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import type { Json, One } from './queries.ts';

/** Whether the run has ended, or is not visible to the caller. */
export async function hasEnded(query: Query, runId: string): Promise<boolean> {
  const [row] = await query<{ ended: boolean }>(
    `select s.is_terminal as ended
     from stepbase.runs r
     join stepbase.run_statuses s on s.name = r.status
     where r.id = $1`,
    [runId],
  );
  return row?.ended ?? true;
}

/** The context of a run at a version of the context, or the newest one. */
export async function readContext(
  query: Query,
  runId: string,
  version: number | undefined,
): Promise<Json | undefined> {
  const [row] = await query<One>(
    `select jsonb_build_object(
       'version', v.version, 'context', stepbase.context_at(r.id, v.version)
     ) as value
     from stepbase.runs r
     cross join lateral (select coalesce($2::int, r.context_version) as version) v
     where r.id = $1`,
    [runId, version ?? null],
  );
  return row?.value;
}

export async function explainRun(query: Query, runId: string): Promise<Json | undefined> {
  const [row] = await query<One>('select stepbase.explain_run($1) as value', [runId]);
  return row?.value;
}

export async function redrive(
  query: Query,
  selection: {
    run_ids?: string[] | undefined;
    workflow?: string | undefined;
    error_code?: string | undefined;
    failed_after?: string | undefined;
    max_runs?: number | undefined;
    force?: boolean | undefined;
  },
): Promise<Json[]> {
  const rows = await query<One>(
    `select to_jsonb(r) as value
     from stepbase.redrive($1::uuid[], $2, $3, $4, coalesce($5::int, 100), $6) r`,
    [
      selection.run_ids ?? null,
      selection.workflow ?? null,
      selection.error_code ?? null,
      selection.failed_after ?? null,
      selection.max_runs ?? null,
      selection.force ?? false,
    ],
  );
  return rows.map(({ value }) => value);
}
