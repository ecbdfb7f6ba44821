// A kind of run under chaos: its definition, the calls that clients make, and the check for each of its runs.

import { isDeepStrictEqual } from 'node:util';
import type { Client } from './client.ts';

/** A run that has ended; `n` is the number of the harness's run that it is or descends from. */
export interface Ended {
  id: string;
  n: number;
  status: string;
  output: unknown;
  origin_run_id: string | null;
  parent_run_id: string | null;
  /** Last status of each step; the compensation of a step is `undo:<step>`. */
  steps: Record<string, string>;
}

/** What the functions of a kind are called with. */
export interface Site {
  client: Client;
  /** Part of every name that this chaos run creates. */
  suffix: string;
  /** The kind's own workflow. */
  workflow: string;
  workflowId: string;
}

export interface Definition {
  nodes: object[];
  edges: object[];
}

export interface Kind {
  /** The kebab name, completed with a suffix of the harness's own. */
  name: string;
  app?: 'acme' | 'globex';
  definition: Definition;
  /** Columns of its workflow. */
  settings?: object;
  /** `n` is added. */
  input?(n: number): Record<string, unknown>;
  priority?(n: number): number;
  /** Operators' SQL, before the workflow is saved. */
  setUp?: string;
  /** Once, before the first run. */
  prepare?(site: Site): Promise<void>;
  /** Starts the n-th run, if start_run does not. */
  start?(site: Site, n: number): Promise<unknown>;
  /** The calls that clients make on a run. */
  act?(site: Site, runId: string, n: number): Promise<void>;
  /** Checks a run of its workflow, including runs that events, schedules or parents started. */
  right(run: Ended): boolean;
  /** A query for the ids of runs that break a rule across runs; $1 is the workflow's id. */
  together?: string;
}

export type ChaosContext = { shop: string; suffix: string };

export const node = (id: string, type: string, config: object, more: object = {}) => ({
  id,
  type,
  data: { config, ...more },
});

export const value = (id: string, expression: string, more: object = {}) =>
  node(id, 'transform', { expression }, more);

export const waits = (id: string, signal_name: string, more: object = {}) =>
  node(id, 'wait_for_signal', { signal_name, ...more });

/** 'a b', or 'a b handle'. */
export const edges = (...lines: string[]) =>
  lines.map((line, i) => {
    const [source, target, sourceHandle] = line.split(' ');
    return { id: `e${i}`, source, target, ...(sourceHandle ? { sourceHandle } : {}) };
  });

/** A slow request to the shop. */
export const slowly =
  (shop: string) =>
  (id: string, ms: number, more: object = {}) =>
    node(id, 'http_request', { url: `${shop}/slow?ms=${ms}` }, more);

export const completedWith =
  (output: (n: number) => Record<string, unknown>) =>
  (run: Ended): boolean =>
    run.status === 'completed' && isDeepStrictEqual(run.output, output(run.n));

/** Resolves once a step of the run has the status; with the id of the step run. */
export async function stepIs(
  { client }: Site,
  runId: string,
  stepId: string,
  ...statuses: string[]
): Promise<string> {
  const found = await client.until(`${stepId} of ${runId}`, (supabase) =>
    supabase
      .from('step_runs')
      .select('id')
      .eq('run_id', runId)
      .eq('step_id', stepId)
      .in('status', statuses)
      .limit(1)
      .maybeSingle<{ id: string }>(),
  );
  return found.id;
}

export async function statusOf(site: Site, runId: string, ...statuses: string[]): Promise<string> {
  const found = await site.client.until(`run ${runId}`, (supabase) =>
    supabase
      .from('runs')
      .select('status')
      .eq('id', runId)
      .in('status', statuses)
      .maybeSingle<{ status: string }>(),
  );
  return found.status;
}
