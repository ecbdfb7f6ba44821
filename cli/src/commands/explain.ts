// explain: why a run does not continue, or how the engine executes a workflow.
import type { Plan } from '../../../scripts/explain/plan.ts';
import { toTable } from '../../../scripts/explain/table.ts';
import type { Context, Result } from '../context.ts';
import { table } from '../output.ts';
import { segment } from '../server.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Reason {
  status: string;
  code: string;
  sentence: string;
}

interface RunExplanation {
  run: Reason & { id: string; workflow: string; version: number };
  steps: (Reason & { step: string; item?: number; attempt: number })[];
  open_steps: number;
}

export const explain = (context: Context, what: string): Promise<Result> =>
  UUID.test(what) ? explainRun(context, what) : explainWorkflow(context, what);

async function explainRun({ server }: Context, id: string): Promise<Result> {
  const explained = await server.get<RunExplanation>(`/v1/runs/${segment(id)}/explain`);
  const { run, steps, open_steps } = explained;
  const more = open_steps - steps.length;
  return {
    data: explained,
    lines: [
      `${run.workflow}, version ${run.version}, run ${run.id}: ${run.status}`,
      `${run.sentence} (${run.code})`,
      ...(steps.length === 0
        ? []
        : [
            '',
            ...table(
              ['STEP', 'ATTEMPT', 'STATUS', 'CODE', 'WHY'],
              steps.map((one) => [
                one.item === undefined ? one.step : `${one.step}[${one.item}]`,
                one.attempt,
                one.status,
                one.code,
                one.sentence,
              ]),
              'No step is open.',
            ),
          ]),
      ...(more > 0 ? [`${more} further open steps are not listed.`] : []),
    ],
  };
}

async function explainWorkflow({ server }: Context, name: string): Promise<Result> {
  const plan = await server.get<Plan>(`/v1/workflows/${segment(name)}/explain`);
  // A published version was checked by a worker.
  const text = toTable({ ...plan, faults: plan.check?.findings ?? [] });
  return { data: plan, lines: text.split('\n') };
}
