// The settings of a workflow as the form has them, and as the table takes them.
import type { Database } from '../../../../types/database.ts';

type Workflow = Database['stepbase']['Tables']['workflows']['Row'];

export interface General {
  name: string;
  description: string;
  tags: string[];
  projectId: string | null;
  taskQueueId: string | null;
  /** Null: that of its task queue. */
  engine: string | null;
  /** Runs in progress; empty: no limit. */
  limit: number | '';
  timeout: number | '';
  unit: Unit;
  searchable: string[];
}

export const UNITS = [
  { value: 'seconds', seconds: 1 },
  { value: 'minutes', seconds: 60 },
  { value: 'hours', seconds: 3_600 },
  { value: 'days', seconds: 86_400 },
] as const;

export type Unit = (typeof UNITS)[number]['value'];

/** The largest unit in which the time is a whole number. */
export function inUnits(seconds: number): { timeout: number; unit: Unit } {
  const unit = [...UNITS].reverse().find((each) => seconds % each.seconds === 0) ?? UNITS[0];
  return { timeout: seconds / unit.seconds, unit: unit.value };
}

export function toSeconds(timeout: number, unit: Unit): number {
  return timeout * (UNITS.find(({ value }) => value === unit)?.seconds ?? 1);
}

export const generalOf = (workflow: Workflow): General => ({
  name: workflow.name,
  description: workflow.description,
  tags: workflow.tags,
  projectId: workflow.project_id,
  taskQueueId: workflow.task_queue_id,
  engine: workflow.execution_engine,
  limit: workflow.max_concurrent_executions ?? '',
  ...inUnits(workflow.execution_timeout_seconds),
  searchable: workflow.searchable_inputs,
});

const PATH = /^[\w-]+(\.[\w-]+)*$/;

/** What keeps the values from being saved, by field. */
export function problemsOf(values: General): Partial<Record<keyof General, string>> {
  const wrong = values.searchable.find((path) => !PATH.test(path) || path.length > 100);
  return {
    ...(values.name.trim() ? {} : { name: 'A workflow needs a name.' }),
    ...(values.timeout === '' || values.timeout <= 0
      ? { timeout: 'A run needs a time of at least one second.' }
      : {}),
    ...(wrong === undefined ? {} : { searchable: `${wrong} is not a path such as customer.id.` }),
  };
}

export const columnsOf = (values: General) => ({
  name: values.name.trim(),
  description: values.description.trim(),
  tags: values.tags,
  project_id: values.projectId,
  task_queue_id: values.taskQueueId,
  execution_engine: values.engine,
  max_concurrent_executions: values.limit === '' ? null : values.limit,
  execution_timeout_seconds: toSeconds(Number(values.timeout), values.unit),
  searchable_inputs: values.searchable,
});
