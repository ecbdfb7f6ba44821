// A React hook: one run with its rows, kept current by the private channel stepbase:run:<id>. The rows of steps are
// those that the graph and the time line need, without inputs and outputs: a run can have 2,000 steps, and each message
// reads rows again. The panel of a step reads the rest.
import { useEffect, useState } from 'react';
import {
  followRun,
  hasEnded,
  type RunMessage,
  type Snapshot,
  type StepTexts,
  withPiece,
} from '../../../sdk/src/live/index.ts';
import { isTransient } from './errors.ts';
import { useIsPaused } from './pause.ts';
import { readAll } from './read-all.ts';
import {
  type Json,
  type Run,
  type StepRun,
  supabase,
  type WorkflowEdge,
  type WorkflowNode,
} from './supabase.ts';

/** An attempt of a step, its compensation or a tool of it, without its values. */
export interface RunStep
  extends Pick<
    StepRun,
    | 'id'
    | 'step_id'
    | 'step_type'
    | 'item_index'
    | 'attempt'
    | 'status'
    | 'handle'
    | 'wait_kind'
    | 'signal_name'
    | 'context_version'
    | 'items_total'
    | 'pending_in'
    | 'started_at'
    | 'completed_at'
    | 'duration_ms'
    | 'created_at'
    | 'updated_at'
  > {
  error_code: string | null;
}

export interface RunVersion {
  version: number;
  input_schema: Json | null;
}

export interface RunWorkflow {
  name: string;
  kebab_name: string;
  published_version_id: string | null;
}

export interface RunSnapshot extends Snapshot {
  run: Run;
  workflow: RunWorkflow;
  version: RunVersion;
  /** The attempts of the steps, of their compensations and of the tools of agents; not those of items. */
  steps: RunStep[];
  /** Open tasks, also those of items, with all columns. */
  tasks: StepRun[];
  nodes: RunNode[];
  edges: WorkflowEdge[];
}

/** A node with what the page shows of its type. */
export type RunNode = WorkflowNode & { step_type: { wait_kind: string | null } };

const POLL_MS = 20_000;
const STEP_COLUMNS =
  'id,step_id,step_type,item_index,attempt,status,handle,wait_kind,signal_name,context_version,items_total,pending_in,started_at,completed_at,duration_ms,created_at,updated_at,error_code:error->>code';
/** Above, a message reads only the rows that changed since the newest known one, and this long before it. */
const MANY_STEPS = 300;
const OVERLAP_MS = 30_000;

type Graph = Pick<RunSnapshot, 'workflow' | 'version' | 'nodes' | 'edges'>;

/** The parts that never change during a run. */
async function loadGraph(run: Run): Promise<Graph> {
  const versionId = run.workflow_version_id;
  const [workflow, version, nodes, edges] = await Promise.all([
    supabase
      .from('workflows')
      .select('name,kebab_name,published_version_id')
      .eq('id', run.workflow_id)
      .single(),
    supabase.from('workflow_versions').select('version,input_schema').eq('id', versionId).single(),
    readAll<RunNode>(
      (from, to) =>
        supabase
          .from('workflow_nodes')
          .select(
            '*,step_type:step_types!workflow_nodes_node_type_fkey(label,icon,color,wait_kind)',
          )
          .eq('workflow_version_id', versionId)
          .order('ordinal')
          .order('node_id')
          .range(from, to),
      (node) => node.node_id,
    ),
    readAll(
      (from, to) =>
        supabase
          .from('workflow_edges')
          .select('*')
          .eq('workflow_version_id', versionId)
          .order('edge_id')
          .range(from, to),
      (edge) => edge.edge_id,
    ),
  ]);
  if (workflow.error) throw workflow.error;
  if (version.error) throw version.error;
  return { workflow: workflow.data, version: version.data, nodes, edges };
}

/** The attempts that changed after a time, or all of them. */
const loadSteps = (runId: string, since: string | undefined): Promise<RunStep[]> =>
  readAll<RunStep>(
    (from, to) => {
      const rows = supabase
        .from('step_runs')
        .select(STEP_COLUMNS)
        .eq('run_id', runId)
        .lte('item_index', 0);
      return (since === undefined ? rows : rows.gte('updated_at', since))
        .order('created_at')
        .order('id')
        .range(from, to);
    },
    ({ id }) => id,
  );

const loadTasks = (runId: string): Promise<StepRun[]> =>
  readAll<StepRun>(
    (from, to) =>
      supabase
        .from('step_runs')
        .select('*')
        .eq('run_id', runId)
        .eq('status', 'waiting')
        .eq('wait_kind', 'task')
        .order('created_at')
        .order('id')
        .range(from, to),
    ({ id }) => id,
  );

/** Reads the attempts of the run; of many, only those that can have changed since the last time. */
function stepReader(runId: string): (run: Run) => Promise<RunStep[]> {
  const known = new Map<string, RunStep>();
  let newest = 0;
  let wasEnded = false;
  return async (run) => {
    const isEnded = hasEnded(run.status);
    const isPart = known.size > MANY_STEPS && isEnded === wasEnded;
    const since = isPart ? new Date(newest - OVERLAP_MS).toISOString() : undefined;
    const rows = await loadSteps(runId, since);
    wasEnded = isEnded;
    for (const row of rows) {
      known.set(row.id, row);
      newest = Math.max(newest, Date.parse(row.updated_at));
    }
    return [...known.values()];
  };
}

/** Returns a function that reads the current rows of the run. */
function runReader(runId: string): () => Promise<RunSnapshot> {
  const readSteps = stepReader(runId);
  let graph: Graph | undefined;
  return async () => {
    const { data: run, error } = await supabase.from('runs').select('*').eq('id', runId).single();
    if (error) throw error;
    const [known, steps, tasks] = await Promise.all([
      graph ?? loadGraph(run),
      readSteps(run),
      hasEnded(run.status) ? [] : loadTasks(runId),
    ]);
    graph = known;
    return { ...known, seq: run.event_seq, run, steps, tasks };
  };
}

/** States from messages that are newer than the rows. */
function apply(snapshot: RunSnapshot, ahead: readonly RunMessage[]): RunSnapshot {
  const newest = ahead.at(-1);
  if (newest === undefined) return snapshot;
  const latest = new Map<string, string>();
  for (const { step_id, item_index, status } of ahead.flatMap(({ steps = [] }) => steps)) {
    if (item_index === 0) latest.set(step_id, status);
  }
  const { status = snapshot.run.status, steps_completed = snapshot.run.steps_completed } = newest;
  return {
    ...snapshot,
    run: { ...snapshot.run, status, steps_completed },
    steps: snapshot.steps.map((step) => {
      const status = step.item_index === 0 ? latest.get(step.step_id) : undefined;
      return status ? { ...step, status } : step;
    }),
  };
}

interface LiveRun {
  snapshot?: RunSnapshot;
  error?: Error;
  live: boolean;
  texts: StepTexts;
  /** Reads again after an error. */
  retry(): void;
}

export function useRun(runId: string): LiveRun {
  const [snapshot, setSnapshot] = useState<RunSnapshot>();
  const [error, setError] = useState<Error>();
  const [live, setLive] = useState(false);
  const [texts, setTexts] = useState<StepTexts>(new Map());
  const [attempt, setAttempt] = useState(0);
  const isPaused = useIsPaused();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt follows the run from the start
  useEffect(() => {
    setSnapshot((known) => (known?.run.id === runId ? known : undefined));
    setError(undefined);
    if (isPaused) return;
    setTexts(new Map());
    return followRun<RunSnapshot>(supabase, runId, {
      load: runReader(runId),
      onChange: (next, ahead) => {
        setError(undefined);
        setSnapshot(apply(next, ahead));
      },
      onError: (problem) => {
        setError(problem as Error);
        return isTransient(problem) ? 'again' : undefined;
      },
      onLive: setLive,
      onText: (piece) => setTexts((known) => withPiece(known, piece)),
      // The last message of a run may be lost, after which no other message would show its end.
      poll: {
        everyMs: POLL_MS,
        isWanted: ({ run }) => document.visibilityState === 'visible' && !hasEnded(run.status),
      },
    });
  }, [runId, attempt, isPaused]);

  return {
    ...(snapshot ? { snapshot } : {}),
    ...(error ? { error } : {}),
    live: live && !isPaused,
    texts,
    retry: () => setAttempt((known) => known + 1),
  };
}
