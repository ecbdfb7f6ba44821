// What executes the runs of a workflow or of a task queue: the rows of execution_engines.
export const ENGINES = [
  { value: 'postgres', label: 'PostgreSQL' },
  { value: 'temporal', label: 'Temporal' },
];
