// The report of the demo: a table for people, one line of JSON for programs.

import type { RunHandle } from '../../sdk/src/index.ts';

export interface StepReport {
  step_id: string;
  status: string;
  attempt: number;
  ms: number | null;
}

export interface RunReport {
  workflow: string;
  run_id: string;
  status: string;
  steps: StepReport[];
  ms: number | null;
}

/** Reads the last attempt of every step in the order of their start, after the end of the run. */
export async function reportRun(workflow: string, handle: RunHandle): Promise<RunReport> {
  const [run, rows] = await Promise.all([handle.get(), handle.steps()]);
  const last = new Map<string, (typeof rows)[number]>();
  for (const row of rows) {
    if (row.item_index !== 0) continue;
    const known = last.get(row.step_id);
    if (known === undefined || known.attempt < row.attempt) last.set(row.step_id, row);
  }
  const steps = [...last.values()]
    .sort((a, b) => (a.started_at ?? '~').localeCompare(b.started_at ?? '~'))
    .map(({ step_id, status, attempt, duration_ms }) => ({
      step_id,
      status,
      attempt,
      ms: duration_ms,
    }));
  return { workflow, run_id: run.id, status: run.status, steps, ms: run.duration_ms };
}

export function toJson(runs: readonly RunReport[]): string {
  return JSON.stringify({ runs });
}

export function toTable(runs: readonly RunReport[]): string {
  const rows = runs.map((run) => [
    run.workflow,
    run.status,
    run.steps
      .map((step) =>
        step.status === 'completed' ? step.step_id : `${step.step_id} (${step.status})`,
      )
      .join(' → '),
    run.ms === null ? '–' : String(run.ms),
  ]);
  const all = [['run', 'status', 'steps', 'ms'], ...rows];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  const [head = [], ...body] = all;
  return [line(head), rule, ...body.map(line)].join('\n');
}
