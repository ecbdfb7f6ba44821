// The database of the bridge: each call is one function of stepbase_engine and one transaction.

import type { Db } from '../../functions/_shared/db/pool.ts';
import { toStorableJson } from '../../functions/_shared/text/storable.ts';
import type { Json, StartArgs } from '../records.ts';
import type { Entry } from './entries.ts';

/** What the database decided and Temporal has to learn. */
export interface TakenCommand {
  id: string;
  run_id: string;
  app_code: string;
  namespace: string;
  task_queue: string;
  kind: 'start' | 'resolve' | 'reject' | 'pause' | 'resume' | 'end';
  payload: { [key: string]: Json };
  attempts: number;
}

/** The payload of a start. */
export interface Start {
  workflow_type: string;
  args: StartArgs;
}

/** A run whose workflow is open, and how far its history is mirrored. */
export interface OpenRun {
  run_id: string;
  namespace: string;
  temporal_run_id: string | null;
  last_event_id: string;
}

export interface Position {
  isApplied: boolean;
  temporalRunId: string | null;
  lastEventId: number;
  /** Entries about attempts that the engine does not have. */
  unmatched: number;
}

export interface Batch {
  runId: string;
  temporalRunId: string;
  after: number;
  upto: number;
  entries: readonly Entry[];
  problem?: string | undefined;
}

export interface Store {
  take(namespace: string, limit: number): Promise<TakenCommand[]>;
  confirm(ids: readonly string[]): Promise<void>;
  postpone(runId: string, ms: number, problem: string): Promise<void>;
  openRuns(after: string | null, limit: number): Promise<OpenRun[]>;
  /** Of the applications with compiled versions. */
  namespaces(namespace: string): Promise<string[]>;
  mirror(batch: Batch): Promise<Position>;
  fail(runId: string, code: string, message: string): Promise<void>;
  report(bridge: Record<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

export function createStore(db: Db): Store {
  return {
    take: (namespace, limit) =>
      db.query('select * from stepbase_engine.take_temporal_commands($1, $2)', [namespace, limit]),
    async confirm(ids) {
      await db.query('select stepbase_engine.confirm_temporal_commands($1::bigint[])', [ids]);
    },
    async postpone(runId, ms, problem) {
      await db.query(
        `select stepbase_engine.postpone_temporal_commands($1, $2 * interval '1 millisecond', $3)`,
        [runId, ms, problem],
      );
    },
    openRuns: (after, limit) =>
      db.query('select * from stepbase_engine.open_temporal_runs($1, $2)', [after, limit]),
    async namespaces(namespace) {
      const rows = await db.query<{ name: string }>(
        'select n as name from stepbase_engine.temporal_namespaces($1) n',
        [namespace],
      );
      return rows.map(({ name }) => name);
    },
    async mirror({ runId, temporalRunId, after, upto, entries, problem }) {
      const [row] = await db.query<{
        is_applied: boolean;
        temporal_run_id: string | null;
        last_event_id: string | null;
        unmatched: number;
      }>('select * from stepbase_engine.mirror_temporal($1, $2, $3, $4, $5::jsonb, $6)', [
        runId,
        temporalRunId,
        after,
        upto,
        toStorableJson(entries),
        problem ?? null,
      ]);
      return {
        isApplied: row?.is_applied ?? false,
        temporalRunId: row?.temporal_run_id ?? null,
        lastEventId: Number(row?.last_event_id ?? 0),
        unmatched: row?.unmatched ?? 0,
      };
    },
    async fail(runId, code, message) {
      await db.query('select stepbase_engine.fail_temporal_run($1, $2, $3)', [
        runId,
        code,
        message,
      ]);
    },
    async report(bridge) {
      await db.query('select stepbase_engine.report_bridge($1::jsonb)', [toStorableJson(bridge)]);
    },
    close: () => db.close(),
  };
}
