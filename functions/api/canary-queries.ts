// Statements about canaries. They run as the caller (asCaller).
import type { Query } from '../_shared/db/pool.ts';
import { one } from './queries.ts';

export interface CanarySettings {
  percent?: number | undefined;
  key?: string | undefined;
  max_error_rate?: number | undefined;
  min_runs?: number | undefined;
}

export const startCanary = (query: Query, versionId: string, canary: CanarySettings) =>
  one(
    query,
    `select to_jsonb(c) as value
     from stepbase.start_canary(
       workflow_version_id => $1, percent => $2, key => $3, max_error_rate => $4, min_runs => $5
     ) c`,
    [
      versionId,
      canary.percent ?? null,
      canary.key ?? null,
      canary.max_error_rate ?? null,
      canary.min_runs ?? null,
    ],
  );

export const updateCanary = (query: Query, canaryId: string, canary: CanarySettings) =>
  one(
    query,
    `select to_jsonb(c) as value
     from stepbase.update_canary(
       canary_id => $1, percent => $2, max_error_rate => $3, min_runs => $4
     ) c`,
    [canaryId, canary.percent ?? null, canary.max_error_rate ?? null, canary.min_runs ?? null],
  );

export const endCanary = (
  query: Query,
  canaryId: string,
  call: 'promote_canary' | 'stop_canary',
  reason?: string,
) =>
  call === 'promote_canary'
    ? one(query, 'select to_jsonb(c) as value from stepbase.promote_canary($1) c', [canaryId])
    : one(query, 'select to_jsonb(c) as value from stepbase.stop_canary($1, $2) c', [
        canaryId,
        reason ?? null,
      ]);
