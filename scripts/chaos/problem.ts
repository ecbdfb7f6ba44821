// What an audit finds: a defect of one run, in words.

export type Defect = 'lost' | 'completed_twice' | 'illegal_sequence' | 'orphan_job';

export interface Problem {
  kind: Defect;
  runId: string;
  text: string;
}
