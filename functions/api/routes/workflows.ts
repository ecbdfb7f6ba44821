// Workflows: lists, one workflow, its status and versions, and the start of a run.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { Query } from '../../_shared/db/pool.ts';
import { AS_RUN, VISIBILITIES, Visibility, WORKFLOW_STATUSES } from '../components.ts';
import { found, readRow, updateRow } from '../crud.ts';
import { archiveWorkflow, deleteWorkflow, restoreWorkflow } from '../definition-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, operation, type Resource, statement } from '../operation.ts';
import { readRun, startRun } from '../queries.ts';
import { columnNames, row, updateBody } from '../rows.ts';
import { START_OPTIONS, TRACEPARENT_HEADER, withTraceparent } from '../start-options.ts';
import { readIdempotencyKey } from '../validation.ts';
import { PREFER_HEADER, PREFER_REPLY, readWait, waitForEnd } from '../wait.ts';
import { CANARY_OPERATIONS } from './canaries.ts';
import { COMPILE_OPERATIONS } from './compile.ts';
import { DEFINITIONS } from './definitions.ts';
import { SEARCH_WORKFLOWS } from './search-workflows.ts';
import { START_RUNS } from './start-runs.ts';
import { TEST_WORKFLOW } from './test-workflow.ts';
import { VERSION_OPERATIONS, WORKFLOW } from './versions.ts';

export const StartBody = z.strictObject({
  input: z.record(z.string(), z.unknown()).default({}),
  idempotency_key: z.string().min(1).max(255).optional(),
  version: z.number().int().positive().optional(),
  priority: z.number().int().min(-100).max(100).optional(),
  ...START_OPTIONS,
});

const COLUMNS = columnNames('workflows');
const Workflow = row('workflows', 'Workflow');
const AS_WORKFLOW = { description: 'the workflow', schema: Workflow };
const WORKFLOWS: ListSpec = {
  table: 'workflows',
  columns: COLUMNS,
  where: 't.deleted_at is null',
  sorts: ['-updated_at', 'kebab_name'],
  filters: {
    q: {
      schema: z
        .string()
        .max(1000)
        .describe('Words in the name or description, in the syntax of a web search.'),
      where: (value, bind) =>
        `t.id in (select stepbase_private.matching_workflows(${bind(value)}))`,
    },
    status: equal('workflows', 'status', WORKFLOW_STATUSES),
    visibility: equal('workflows', 'visibility', VISIBILITIES),
    project_id: equal('workflows', 'project_id'),
    task_queue_id: equal('workflows', 'task_queue_id'),
    tag: {
      schema: z.string().max(255),
      where: (value, bind) => `t.tags @> array[${bind(value)}::text]`,
    },
  },
};

export const WorkflowBody = updateBody('workflows', {
  status: z.enum(WORKFLOW_STATUSES),
  visibility: Visibility,
  name: z.string().min(1).max(255),
});

function change(
  name: 'archive' | 'restore',
  title: string,
  description: string,
  act: (query: Query, kebabName: string) => Promise<boolean>,
): Operation {
  return statement(
    {
      id: `${name}Workflow`,
      method: 'POST',
      path: `/v1/workflows/:kebab_name/${name}`,
      title,
      permission: 'workflow:write',
      description,
      replies: { 200: AS_WORKFLOW },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params: { kebab_name: kebabName = '' } }) => {
      await act(query, kebabName);
      return { body: found('workflow', await readRow(query, WORKFLOW, kebabName)) };
    },
  );
}

export const WORKFLOW_RESOURCE: Resource = {
  name: 'Workflows',
  description: 'Workflows, their drafts and versions.',
  operations: [
    statement(
      {
        id: 'listWorkflows',
        method: 'GET',
        path: '/v1/workflows',
        title: 'List workflows',
        permission: 'workflow:read',
        description: 'Lists the workflows of the application that are not deleted.',
        query: listQuery(WORKFLOWS),
        replies: {
          200: { description: 'one page', schema: pageOf('WorkflowPage', Workflow) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, WORKFLOWS, call.query) }),
    ),
    SEARCH_WORKFLOWS,
    ...DEFINITIONS,
    statement(
      {
        id: 'getWorkflow',
        method: 'GET',
        path: '/v1/workflows/:kebab_name',
        title: 'Read a workflow',
        permission: 'workflow:read',
        description: 'Returns the workflow without its definitions.',
        replies: { 200: AS_WORKFLOW },
        errors: ['not_found'],
      },
      async (query, { params }) => ({
        body: found('workflow', await readRow(query, WORKFLOW, params.kebab_name ?? '')),
      }),
    ),
    statement(
      {
        id: 'updateWorkflow',
        method: 'PATCH',
        path: '/v1/workflows/:kebab_name',
        title: 'Change a workflow',
        permission: 'workflow:write',
        description:
          'Changes the given columns. A change of `status` that the [state machine](workflow-states.md) does not have is a `conflict`.',
        body: WorkflowBody,
        replies: { 200: AS_WORKFLOW },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: found('workflow', await updateRow(query, WORKFLOW, params.kebab_name ?? '', body)),
      }),
    ),
    statement(
      {
        id: 'deleteWorkflow',
        method: 'DELETE',
        path: '/v1/workflows/:kebab_name',
        title: 'Delete a workflow',
        permission: 'workflow:write',
        description:
          'Marks the workflow as deleted. Its runs and versions stay readable, and no run can be started. [Restore](#restore-a-workflow) brings it back.',
        replies: { 204: { description: 'no content' } },
        errors: ['not_found'],
      },
      async (query, { params }) => {
        const isDeleted = await deleteWorkflow(query, params.kebab_name ?? '');
        found('workflow', isDeleted ? true : undefined);
        return {};
      },
    ),
    change(
      'archive',
      'Archive a workflow',
      'Archives the workflow: no run can be started.',
      archiveWorkflow,
    ),
    change(
      'restore',
      'Restore a workflow',
      'Brings back an archived or deleted workflow: as published if it has a published version, as a draft otherwise. Another workflow stays as it is.',
      restoreWorkflow,
    ),
    ...VERSION_OPERATIONS,
    ...CANARY_OPERATIONS,
    ...COMPILE_OPERATIONS,
    operation(
      {
        id: 'startRun',
        method: 'POST',
        path: '/v1/workflows/:kebab_name/runs',
        title: 'Start a run',
        permission: 'run:execute',
        description:
          'Starts a run of the published version, or of `version`. With `start_at` the run is `pending` until that time. A repeated idempotency key returns the first run and starts nothing, as long as that run exists; with another workflow or input it is refused with `conflict` and the `run_id` of the first run.',
        body: StartBody,
        headers: {
          'Idempotency-Key': 'Same as `idempotency_key` in the body.',
          ...PREFER_HEADER,
          ...TRACEPARENT_HEADER,
        },
        replies: {
          201: {
            ...AS_RUN,
            description: 'the run (a row of `runs`); `Location` is the address of the run',
            headers: { Location: 'The address of the run.', ...PREFER_REPLY },
          },
          200: {
            ...AS_RUN,
            description:
              'the run (a row of `runs`) that the idempotency key started earlier, or the held run that this start joined by a [flow control](../guides/flow-control.md) of the kind debounce or batch',
            headers: PREFER_REPLY,
          },
        },
        errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex', 'limit_reached'],
      },
      async ({ c, deps, member, params: { kebab_name: workflow = '' }, body }) => {
        const idempotencyKey = readIdempotencyKey(c, body.idempotency_key);
        const wait = readWait(c);
        const { run, isNew } = await asCaller(deps.db, member, (query) =>
          startRun(query, {
            workflow,
            input: body.input,
            idempotencyKey,
            version: body.version,
            priority: body.priority,
            tags: body.tags,
            metadata: withTraceparent(body.metadata, c.req.header('traceparent')),
            startAt: body.start_at,
          }),
        );
        const runId = String(run.id);
        if (wait !== undefined) await waitForEnd(c, deps, runId, wait);
        const later =
          wait === undefined
            ? undefined
            : await asCaller(deps.db, member, (query) => readRun(query, runId));
        return {
          status: isNew ? 201 : 200,
          body: later?.run ?? run,
          headers: {
            // Relative, because only the gateway knows the path of the function.
            location: `../../runs/${runId}`,
            ...(wait === undefined ? {} : { 'preference-applied': `wait=${wait}` }),
          },
        };
      },
    ),
    START_RUNS,
    TEST_WORKFLOW,
  ],
};
