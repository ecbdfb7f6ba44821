// The answer of list_workflows, which the list of workflows and the home page show.

export interface Result {
  id: string;
  status: string;
  created_at: string;
  duration_ms: number | null;
}

export interface ListedWorkflow {
  id: string;
  kebab_name: string;
  name: string;
  description: string;
  status: string;
  tags: string[];
  updated_at: string;
  owner: string | null;
  project: { id: string; name: string } | null;
  published_version: number | null;
  latest_version: number | null;
  has_draft: boolean;
  canary_percent: number | null;
  next_start_at: string | null;
  /** The last 20 runs, newest first; undefined without run:read, as all that follows. */
  results?: Result[];
  counted_runs?: number;
  success_rate?: number | null;
  p95_duration_ms?: number | null;
  last_run_at?: string | null;
  open_runs?: number;
  /** Of the last day. */
  failed_runs?: number;
}

export interface WorkflowFacets {
  total: number;
  tags: string[];
  statuses: Record<string, number>;
}

export const SORTS = [
  { value: 'name', label: 'Name' },
  { value: '-last_run_at', label: 'Latest run' },
  { value: '-failed_runs', label: 'Failures of a day' },
  { value: '-open_runs', label: 'Open runs' },
  { value: '-updated_at', label: 'Latest change' },
] as const;

export const STATUSES = ['published', 'draft', 'paused', 'deprecated', 'archived'] as const;
