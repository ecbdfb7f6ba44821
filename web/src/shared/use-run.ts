// A React hook: one run with its rows, kept current by the private channel stepbase:run:<id>.
import { useEffect, useState } from 'react';
import {
  followRun,
  hasEnded,
  type RunMessage,
  type Snapshot,
  type StepTexts,
  withPiece,
} from '../../../sdk/src/live/index.ts';
import { readAll } from './read-all.ts';
import {
  type Run,
  type RunEvent,
  type StepRun,
  supabase,
  type WorkflowEdge,
  type WorkflowNode,
} from './supabase.ts';

export interface RunSnapshot extends Snapshot {
  run: Run;
  workflow: { name: string; kebab_name: string };
  steps: StepRun[];
  events: RunEvent[];
  nodes: WorkflowNode[];
  edges: WorkflowEdge[];
}

const SHOWN_EVENTS = 200;
const POLL_MS = 20_000;
/** Of the items of all for_each steps together; open tasks are read in full. */
const SHOWN_ITEMS = 200;

type Graph = Pick<RunSnapshot, 'workflow' | 'nodes' | 'edges'>;

/** The parts that never change during a run. */
async function loadGraph(run: Run): Promise<Graph> {
  const version = run.workflow_version_id;
  const [workflow, nodes, edges] = await Promise.all([
    supabase.from('workflows').select('name,kebab_name').eq('id', run.workflow_id).single(),
    readAll(
      (from, to) =>
        supabase
          .from('workflow_nodes')
          .select('*,step_type:step_types!workflow_nodes_node_type_fkey(label,icon,color)')
          .eq('workflow_version_id', version)
          .order('node_id')
          .range(from, to),
      (node) => node.node_id,
    ),
    readAll(
      (from, to) =>
        supabase
          .from('workflow_edges')
          .select('*')
          .eq('workflow_version_id', version)
          .order('edge_id')
          .range(from, to),
      (edge) => edge.edge_id,
    ),
  ]);
  if (workflow.error) throw workflow.error;
  return { workflow: workflow.data ?? { name: '', kebab_name: '' }, nodes, edges };
}

/** The steps and their compensations, the open tasks of items, and the first items: a run may have a million items. */
async function loadSteps(runId: string): Promise<StepRun[]> {
  const idOf = (step: StepRun) => step.id;
  const rows = () => supabase.from('step_runs').select('*').eq('run_id', runId);
  const [steps, tasks, items] = await Promise.all([
    readAll<StepRun>(
      (from, to) => rows().lte('item_index', 0).order('created_at').order('id').range(from, to),
      idOf,
    ),
    readAll<StepRun>(
      (from, to) =>
        rows()
          .gt('item_index', 0)
          .eq('status', 'waiting')
          .eq('wait_kind', 'task')
          .order('created_at')
          .order('id')
          .range(from, to),
      idOf,
    ),
    readAll<StepRun>(
      (from, to) => rows().gt('item_index', 0).order('item_index').order('id').range(from, to),
      idOf,
      SHOWN_ITEMS,
    ),
  ]);
  return [...new Map([...steps, ...items, ...tasks].map((step) => [step.id, step])).values()];
}

/** Returns a function that reads the current rows of the run. */
function runReader(runId: string): () => Promise<RunSnapshot> {
  let graph: Graph | undefined;
  return async () => {
    const { data: run, error } = await supabase.from('runs').select('*').eq('id', runId).single();
    if (error) throw error;
    const [known, steps, events] = await Promise.all([
      graph ?? loadGraph(run),
      loadSteps(runId),
      supabase
        .from('run_events')
        .select('*')
        .eq('run_id', runId)
        .order('seq', { ascending: false })
        .limit(SHOWN_EVENTS),
    ]);
    if (events.error) throw events.error;
    graph = known;
    return {
      ...known,
      seq: run.event_seq,
      run,
      steps,
      events: events.data ?? [],
    };
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
}

export function useRun(runId: string): LiveRun {
  const [snapshot, setSnapshot] = useState<RunSnapshot>();
  const [error, setError] = useState<Error>();
  const [live, setLive] = useState(false);
  const [texts, setTexts] = useState<StepTexts>(new Map());

  useEffect(() => {
    setSnapshot(undefined);
    setError(undefined);
    setTexts(new Map());
    return followRun<RunSnapshot>(supabase, runId, {
      load: runReader(runId),
      onChange: (next, ahead) => {
        setError(undefined);
        setSnapshot(apply(next, ahead));
      },
      onError: (problem) => {
        setError(problem as Error);
        return undefined;
      },
      onLive: setLive,
      onText: (piece) => setTexts((known) => withPiece(known, piece)),
      // The last message of a run may be lost, after which no other message would show its end.
      poll: {
        everyMs: POLL_MS,
        isWanted: ({ run }) => document.visibilityState === 'visible' && !hasEnded(run.status),
      },
    });
  }, [runId]);

  return { ...(snapshot ? { snapshot } : {}), ...(error ? { error } : {}), live, texts };
}
