// How often a component was called, over all workflows, and how its calls went.
import { count, duration } from '../../shared/format.ts';

export interface Health {
  executions: number;
  failures: number;
  /** The average in milliseconds. */
  duration: number;
  longest: number | null;
  lastAt: string | null;
}

interface Counted {
  component_id: string | null;
  execution_count: number;
  failure_count: number;
  avg_duration_ms: number;
  max_duration_ms: number | null;
  last_executed_at: string | null;
}

const larger = <T extends string | number>(a: T | null, b: T | null): T | null =>
  a === null || (b !== null && b > a) ? b : a;

export function healthById(rows: readonly Counted[]): Map<string, Health> {
  const byId = new Map<string, Health>();
  for (const row of rows) {
    const id = row.component_id ?? '';
    const known = byId.get(id);
    const before = known?.executions ?? 0;
    const executions = before + row.execution_count;
    const total = (known?.duration ?? 0) * before + row.avg_duration_ms * row.execution_count;
    byId.set(id, {
      executions,
      failures: (known?.failures ?? 0) + row.failure_count,
      duration: executions === 0 ? 0 : total / executions,
      longest: larger(known?.longest ?? null, row.max_duration_ms),
      lastAt: larger(known?.lastAt ?? null, row.last_executed_at),
    });
  }
  return byId;
}

/** "1,204 calls, 3 % failed, 120 ms on average". */
export function healthInWords(health: Health | undefined): string {
  if (health === undefined || health.executions === 0) return 'Not called yet';
  const { executions, failures } = health;
  const share = (100 * failures) / executions;
  const failed =
    failures === 0 ? 'none failed' : `${share < 1 ? '< 1' : Math.round(share)} % failed`;
  const calls = executions === 1 ? 'One call' : `${count(executions)} calls`;
  return `${calls}, ${failed}, ${duration(health.duration)} on average`;
}

/** Whether a person should look: one of ten calls or more failed. */
export const isUnhealthy = (health: Health | undefined): boolean =>
  health !== undefined && health.failures > 0 && health.failures * 10 >= health.executions;
