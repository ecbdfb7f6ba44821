// Statements that rerun runs, preview a rerun and compare runs. They run as the caller (asCaller).
import type { Query } from '../_shared/db/pool.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import { type Json, one } from './queries.ts';

export interface Rerun {
  from_step?: string | undefined;
  input?: Json | undefined;
  outputs?: Json | undefined;
  reason?: string | undefined;
}

const json = (value: Json | undefined) => (value === undefined ? null : toStorableJson(value));

/** A new run that is linked to the first. */
export const rerun = (query: Query, runId: string, { from_step, input, outputs, reason }: Rerun) =>
  one(
    query,
    `select to_jsonb(r) as value
     from stepbase.rerun(
       run_id => $1, from_step => $2, input => $3::jsonb, outputs => $4::jsonb, reason => $5
     ) r`,
    [runId, from_step ?? null, json(input), json(outputs), reason ?? null],
  );

export const previewRerun = (
  query: Query,
  runId: string,
  { from_step, input, outputs }: Omit<Rerun, 'reason'>,
) =>
  one(
    query,
    `select stepbase.preview_rerun(
       run_id => $1, from_step => $2, input => $3::jsonb, outputs => $4::jsonb
     ) as value`,
    [runId, from_step ?? null, json(input), json(outputs)],
  );

export const continueRun = (
  query: Query,
  runId: string,
  { version, reason }: { version?: number | undefined; reason?: string | undefined },
) =>
  one(
    query,
    `select to_jsonb(r) as value
     from stepbase.continue_on_version(run_id => $1, version => $2::int, reason => $3) r`,
    [runId, version ?? null, reason ?? null],
  );

export const previewContinue = (query: Query, runId: string, version: number | undefined) =>
  one(query, 'select stepbase.preview_continue(run_id => $1, version => $2::int) as value', [
    runId,
    version ?? null,
  ]);

export const compareRuns = (query: Query, a: string, b: string) =>
  one(query, 'select stepbase.compare_runs(a => $1, b => $2) as value', [a, b]);
