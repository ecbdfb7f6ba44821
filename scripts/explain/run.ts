// `npm run explain -- --run ID`: why a run does not continue, from stepbase_engine.explain_run as text.

import { columns } from './columns.ts';
import { ExplainError, withDatabase } from './database.ts';

interface Reason {
  code: string;
  sentence: string;
  since: string | null;
  until: string | null;
  [fact: string]: unknown;
}

export interface RunExplanation {
  run: Reason & { id: string; status: string; workflow: string; version: number };
  steps: (Reason & { step: string; status: string; attempt: number; item?: number })[];
  open_steps: number;
  explained_at: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function readRun(dbUrl: string, runId: string): Promise<RunExplanation> {
  if (!UUID.test(runId)) throw new ExplainError(`--run must be the id of a run, not ${runId}`);
  return await withDatabase(dbUrl, async (client) => {
    const { rows } = await client.query<{ answer: RunExplanation | null }>(
      'select stepbase_engine.explain_run($1) as answer',
      [runId],
    );
    const answer = rows[0]?.answer;
    if (!answer) throw new ExplainError(`there is no run ${runId}`);
    return answer;
  });
}

export function runToText({ run, steps, open_steps: total }: RunExplanation): string {
  const parts = [
    `${run.workflow}, version ${run.version}, run ${run.id}: ${run.status}`,
    `${run.sentence} (${run.code})`,
  ];
  if (steps.length > 0) {
    parts.push(
      '',
      columns([
        ['step', 'attempt', 'status', 'code', 'why'],
        ...steps.map(({ step, item, attempt, status, code, sentence }) => [
          item === undefined ? step : `${step}[${item}]`,
          String(attempt),
          status,
          code,
          sentence,
        ]),
      ]),
    );
  }
  if (total > steps.length) parts.push(`${total - steps.length} more open steps are not shown.`);
  return parts.join('\n');
}
