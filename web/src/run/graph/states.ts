// What the graph shows of each step and edge: the state of a step by its attempts, and whether the run took an edge.
// The rules of the edges are those of stepbase_engine.resolve_edges.
import type { WorkflowEdge, WorkflowNode } from '../../shared/supabase.ts';
import type { RunStep } from '../../shared/use-run.ts';

export interface StepState {
  /** The status of the newest attempt; `not_reached` if the run ended before the step. */
  status: string;
  attempt: number;
  durationMs: number | null;
  startedAt: string | null;
  /** It failed, and the run continued by an edge for errors or by on_error. */
  isHandled: boolean;
  errorCode: string | null;
  items: { done: number; total: number } | undefined;
  /** What became of its compensation. */
  undo: string | undefined;
}

export type EdgeState = 'taken' | 'not-taken' | 'open';

const UNDO: Readonly<Record<string, string>> = {
  completed: 'undone',
  failed: 'not undone',
  cancelled: 'not undone',
};

/** The newest attempts by step; item_index 0 is the step itself, -1 its compensation. */
export function newestAttempts(steps: readonly RunStep[], itemIndex: number): Map<string, RunStep> {
  const newest = new Map<string, RunStep>();
  for (const step of steps) {
    if (step.item_index !== itemIndex) continue;
    const known = newest.get(step.step_id);
    if (!known || step.attempt >= known.attempt) newest.set(step.step_id, step);
  }
  return newest;
}

const NOT_STARTED = new Set(['pending', 'ready']);

export function stepStates(
  nodes: readonly WorkflowNode[],
  steps: readonly RunStep[],
  hasRunEnded: boolean,
): Map<string, StepState> {
  const newest = newestAttempts(steps, 0);
  const undoing = newestAttempts(steps, -1);
  return new Map(
    nodes.map(({ node_id }) => {
      const step = newest.get(node_id);
      const undo = undoing.get(node_id);
      const status = step?.status ?? 'pending';
      return [
        node_id,
        {
          status: hasRunEnded && NOT_STARTED.has(status) ? 'not_reached' : status,
          attempt: step?.attempt ?? 1,
          durationMs: step?.duration_ms ?? null,
          startedAt: step?.started_at ?? null,
          isHandled: status === 'failed' && step?.context_version != null,
          errorCode: step?.error_code ?? null,
          items: step?.items_total
            ? { done: step.items_total - step.pending_in, total: step.items_total }
            : undefined,
          undo: undo && (UNDO[undo.status] ?? 'undoing'),
        },
      ];
    }),
  );
}

/** By the id of the edge. A step that failed and was continued has a context version, and leaves by its handle. */
export function edgeStates(
  edges: readonly WorkflowEdge[],
  steps: readonly RunStep[],
): Map<string, EdgeState> {
  const newest = newestAttempts(steps, 0);
  const stateOf = ({ source_node_id, source_handle }: WorkflowEdge): EdgeState => {
    const source = newest.get(source_node_id);
    switch (source?.status) {
      case 'completed':
        return source_handle === null || source_handle === source.handle ? 'taken' : 'not-taken';
      case 'failed':
        if (source.context_version === null) return 'not-taken';
        return source_handle === source.handle ? 'taken' : 'not-taken';
      case 'skipped':
      case 'cancelled':
        return 'not-taken';
      default:
        return 'open';
    }
  };
  return new Map(edges.map((edge) => [edge.edge_id, stateOf(edge)]));
}

/** Those that need attention first. */
const SEVERITY = [
  'failed',
  'timed_out',
  'running',
  'waiting',
  'ready',
  'pending',
  'cancelled',
  'completed',
  'skipped',
  'not_reached',
];

export function worstStatus(statuses: readonly string[]): string {
  return SEVERITY.find((status) => statuses.includes(status)) ?? statuses[0] ?? 'pending';
}
