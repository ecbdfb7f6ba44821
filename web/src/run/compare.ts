// The answer of compare_runs, as the page of two runs reads it.
export interface Side {
  run_id: string;
  workflow: string;
  version: number;
  status: string;
  origin_run_id: string | null;
  rerun_from_step: string | null;
  created_at: string;
  duration_ms: number | null;
  steps_completed: number;
}

export interface Place {
  /** A JSON pointer. */
  path: string;
  change: 'added' | 'removed' | 'changed';
  a?: unknown;
  b?: unknown;
}

export interface Compared {
  is_equal: boolean;
  differences: Place[];
}

export interface StepSide {
  step_type: string;
  status: string;
  attempts: number;
  duration_ms?: number;
  handle?: string;
  error_code?: string;
}

export interface ComparedStep {
  step_id: string;
  a: StepSide | null;
  b: StepSide | null;
  is_equal: boolean;
  output: Compared;
}

export interface Comparison {
  a: Side;
  b: Side;
  same_workflow: boolean;
  same_version: boolean;
  same_content: boolean;
  input: Compared;
  output: Compared;
  error: Compared;
  steps: ComparedStep[];
  first_difference: string | null;
}
