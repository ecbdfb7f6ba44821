// Reruns: start one, see before what it would do, and compare two runs. Open runs continue on another version.
import { z } from 'zod';
import { JsonObject, Run } from '../components.ts';
import { type Operation, statement } from '../operation.ts';
import {
  compareRuns,
  continueRun,
  previewContinue,
  previewRerun,
  rerun,
} from '../rerun-queries.ts';
import { named } from '../rows.ts';

export const PreviewBody = z.strictObject({
  from_step: z.string().min(1).max(255).optional(),
  input: JsonObject.optional().describe('Replaces the input.'),
  outputs: z
    .record(z.string().min(1).max(255), z.unknown())
    .optional()
    .describe('`{step: output}`: outputs of earlier steps. The steps after them run again.'),
});
export const RerunBody = PreviewBody.extend({
  reason: z.string().max(1000).optional().describe('Why something was edited.'),
});

const ACTIONS = ['runs_again', 'may_run', 'copied', 'edited'] as const;

const RerunPreview = named('RerunPreview', () =>
  z.object({
    run_id: z.uuid(),
    workflow: z.string(),
    version: z.number().int(),
    from_step: z.string().nullable(),
    edits_input: z.boolean(),
    steps: z.array(
      z.object({
        step_id: z.string(),
        step_type: z.string(),
        label: z.string(),
        action: z.enum(ACTIONS),
        status: z.string().nullable().describe('Of its last attempt in the run.'),
        executions: z.number().int().describe('How often the run executed it, with its items.'),
        may_have_effects: z.boolean(),
        repeats_effects: z.boolean(),
      }),
    ),
    repeated_effects: z
      .array(z.string())
      .describe('The steps whose side effects would happen again.'),
  }),
);

export const ContinuePreviewBody = z.strictObject({
  version: z
    .number()
    .int()
    .positive()
    .max(2_147_483_647)
    .optional()
    .describe('The number of the version; default: the published one.'),
});
export const ContinueBody = ContinuePreviewBody.extend({ reason: z.string().max(1000).optional() });

const ContinuePreview = named('ContinuePreview', () =>
  z.object({
    run_id: z.uuid(),
    from_version: z.number().int(),
    version: z.number().int(),
    steps: z.array(
      z.object({
        step_id: z.string(),
        step_type: z.string(),
        label: z.string(),
        action: z.enum(['copied', 'runs_again', 'may_run']),
        reason: z
          .enum(['new', 'changed', 'edges_changed', 'open', 'after_changed'])
          .nullable()
          .describe('Why its result is not copied.'),
        status: z.string().nullable(),
        wait_kind: z.string().nullable(),
        executions: z.number().int(),
        may_have_effects: z.boolean(),
        repeats_effects: z.boolean(),
      }),
    ),
    repeated_effects: z.array(z.string()),
    removed_steps: z.array(z.string()).describe('Steps with results that the version lacks.'),
    open_children: z.array(z.object({ run_id: z.uuid(), parent_close_policy: z.string() })),
    unread_signals: z.number().int(),
  }),
);

const Difference = z.object({
  path: z.string().describe('JSON pointer (RFC 6901).'),
  change: z.enum(['added', 'removed', 'changed']),
  a: z.unknown().optional(),
  b: z.unknown().optional(),
});
const compared = () => z.object({ is_equal: z.boolean(), differences: z.array(Difference) });
const side = () =>
  z.looseObject({
    step_type: z.string(),
    status: z.string(),
    attempts: z.number().int(),
    duration_ms: z.number().int().optional(),
    handle: z.string().optional(),
    error_code: z.string().optional(),
  });
const comparedRun = () =>
  z.looseObject({
    run_id: z.uuid(),
    workflow: z.string(),
    version: z.number().int(),
    content_hash: z.string(),
    status: z.string(),
    duration_ms: z.number().int().nullable(),
  });

const RunComparison = named('RunComparison', () =>
  z.object({
    a: comparedRun(),
    b: comparedRun(),
    same_workflow: z.boolean(),
    same_version: z.boolean(),
    same_content: z.boolean(),
    same_status: z.boolean(),
    input: compared(),
    output: compared(),
    error: compared(),
    steps: z.array(
      z.object({
        step_id: z.string(),
        a: side().nullable(),
        b: side().nullable(),
        is_equal: z.boolean(),
        output: compared(),
      }),
    ),
    first_difference: z.string().nullable().describe('The first step that differs.'),
  }),
);

export const RERUNS: Operation[] = [
  statement(
    {
      id: 'rerunRun',
      method: 'POST',
      path: '/v1/runs/:run_id/rerun',
      title: 'Rerun a run',
      permission: 'run:execute',
      description:
        'Starts a new run with the version of a run that has ended. With `from_step` it copies the results of all steps that do not depend on that step. `input` replaces the input, and `outputs` sets outputs of earlier steps; both are recorded.',
      body: RerunBody,
      idempotency: 'stored',
      replies: {
        201: {
          description: 'the new run; `Location` is its address',
          schema: Run,
          headers: { Location: 'The address of the new run.' },
        },
      },
      errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex', 'limit_reached'],
    },
    async (query, { params, body }) => {
      const run = await rerun(query, params.run_id ?? '', body);
      return { body: run, headers: { location: `../${run.id}` } };
    },
  ),
  statement(
    {
      id: 'previewRerun',
      method: 'POST',
      path: '/v1/runs/:run_id/rerun/preview',
      title: 'Preview a rerun',
      permission: 'run:read',
      description:
        'Returns what a rerun with the same body would do: which steps run again, which results are copied, and whose side effects would happen again. It starts nothing, and fails as the rerun would fail.',
      body: PreviewBody,
      replies: { 200: { description: 'the plan of the rerun', schema: RerunPreview } },
      errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex'],
    },
    async (query, { params, body }) => ({
      body: await previewRerun(query, params.run_id ?? '', body),
    }),
  ),
  statement(
    {
      id: 'continueRun',
      method: 'POST',
      path: '/v1/runs/:run_id/continue',
      title: 'Continue a run on another version',
      permission: 'run:execute',
      description:
        'Starts a run of another version that copies the results of the steps that both versions share, and ends the open run as cancelled, without compensation. The caller also needs `run:cancel`.',
      body: ContinueBody,
      idempotency: 'stored',
      replies: {
        201: {
          description: 'the new run; `Location` is its address',
          schema: Run,
          headers: { Location: 'The address of the new run.' },
        },
      },
      errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex', 'limit_reached'],
    },
    async (query, { params, body }) => {
      const run = await continueRun(query, params.run_id ?? '', body);
      return { body: run, headers: { location: `../${run.id}` } };
    },
  ),
  statement(
    {
      id: 'previewContinue',
      method: 'POST',
      path: '/v1/runs/:run_id/continue/preview',
      title: 'Preview a continuation',
      permission: 'run:read',
      description:
        'Returns which results would be copied, which steps would run again and why, and what happens to children and signals. It changes nothing, and fails as the continuation would fail.',
      body: ContinuePreviewBody,
      replies: { 200: { description: 'the plan', schema: ContinuePreview } },
      errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex'],
    },
    async (query, { params, body }) => ({
      body: await previewContinue(query, params.run_id ?? '', body.version),
    }),
  ),
  statement(
    {
      id: 'compareRuns',
      method: 'GET',
      path: '/v1/runs/:run_id/compare/:other_run_id',
      title: 'Compare two runs',
      permission: 'run:read',
      description:
        'Compares the run (`a`) with another one (`b`): version, status, input, output, error and each step. Differences of values are JSON pointers with excerpts, at most 20 for a value of the run and 10 for a step.',
      replies: { 200: { description: 'the differences', schema: RunComparison } },
      errors: ['not_found'],
    },
    async (query, { params }) => ({
      body: await compareRuns(query, params.run_id ?? '', params.other_run_id ?? ''),
    }),
  ),
];
