// Schemas that several resources share: statuses, rows, and the problem of an error.
import { z } from 'zod';
import { ERRORS } from '../_shared/errors/index.ts';
import { type FilterSpec, pageOf } from './lists.ts';
import { named, row } from './rows.ts';

export const RUN_STATUSES = [
  'pending',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'timed_out',
] as const;
export const WORKFLOW_STATUSES = [
  'draft',
  'published',
  'paused',
  'deprecated',
  'archived',
] as const;
export const VISIBILITIES = ['private', 'organization', 'public'] as const;

export const Visibility = z.enum(VISIBILITIES);
/** A time as clients write it; the database keeps microseconds. */
export const Time = z.iso.datetime({ offset: true });
export const JsonObject = z.record(z.string(), z.unknown());

export const Run = row('runs', 'Run');
export const StepRun = row('step_runs', 'StepRun');
export const WorkflowVersion = row('workflow_versions', 'WorkflowVersion');
export const Application = row('applications', 'Application');
export const Member = row('app_members', 'Member');

/** Lists leave out the values that can be large. */
export const SUMMARY = ['input', 'output', 'pending_outcome'] as const;
export const RunSummary = row('runs', 'RunSummary', {
  without: SUMMARY,
  also: { workflow: z.string().nullable().describe('The `kebab_name` of its workflow.') },
});
export const RunPage = pageOf('RunPage', RunSummary);

export const Problem = named('Problem', () =>
  z
    .looseObject({
      type: z.string().describe('`urn:stepbase:problem:` and the code.'),
      title: z.string(),
      status: z.number().int(),
      detail: z.string().describe('What is wrong. Programs compare `code`.'),
      code: z.enum(Object.keys(ERRORS) as [string, ...string[]]),
      path: z.string().optional().describe('The path of the request.'),
      instance: z.string().optional().describe('`urn:stepbase:request:` and the request id.'),
      errors: z.unknown().optional().describe('Each fault, with its path or pointer.'),
    })
    .describe('An error, as RFC 9457 defines it.'),
);

export const Fault = named('Fault', () =>
  z.object({
    node: z.string().nullable().describe('Id of the node, or of the source of the edge.'),
    pointer: z.string().describe('JSON pointer (RFC 6901) into the definition.'),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    severity: z.enum(['error', 'warning']),
  }),
);

export const AS_RUN = { description: 'the run (a row of `runs`)', schema: Run };
export const AS_STEP_RUN = { description: 'the step run (a row of `step_runs`)', schema: StepRun };

/** Rows of the workflow with this name. */
export const ofWorkflow: FilterSpec = {
  schema: z.string().max(100).describe('The `kebab_name` of the workflow.'),
  where: (value, bind) =>
    `t.workflow_id = (select w.id from stepbase.workflows w where w.kebab_name = ${bind(value)})`,
};
export const AS_APPLICATION = { description: 'the application', schema: Application };
export const AS_MEMBER = { description: 'the membership', schema: Member };
