// A finding of the audit: one defect of one run.

export type Defect = 'lost' | 'completed_twice' | 'illegal_sequence' | 'orphan_job';

export interface Problem {
  kind: Defect;
  runId: string;
  text: string;
}
