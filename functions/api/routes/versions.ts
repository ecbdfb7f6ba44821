// Versions of a workflow: list, read, and how the engine executes one.
import { z } from 'zod';
import { JsonObject, WorkflowVersion } from '../components.ts';
import { found, readRow } from '../crud.ts';
import { explainWorkflow } from '../definition-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { columnNames, named, row } from '../rows.ts';

/** One workflow, which its `kebab_name` identifies. */
export const WORKFLOW = {
  table: 'workflows',
  columns: columnNames('workflows'),
  key: ['kebab_name'],
  where: 't.deleted_at is null',
} as const;

const WITHOUT_BODY = ['definition', 'input_schema', 'output_schema'];
const VERSIONS: ListSpec = {
  table: 'workflow_versions',
  columns: columnNames('workflow_versions', { without: WITHOUT_BODY }),
  sorts: ['-version'],
  filters: {
    status: equal('workflow_versions', 'status', ['draft', 'published', 'deprecated', 'archived']),
    workflow_id: equal('workflow_versions', 'workflow_id'),
  },
};

const VersionNumber = z.coerce.number<string | number>().int().min(1).max(2_147_483_647);

export const VERSION_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'listWorkflowVersions',
      method: 'GET',
      path: '/v1/workflows/:kebab_name/versions',
      title: 'List the versions of a workflow',
      permission: 'workflow:read',
      description: 'Lists the versions, the newest first, without definitions and schemas.',
      query: listQuery({
        sorts: VERSIONS.sorts,
        filters: {
          status: equal('workflow_versions', 'status', [
            'draft',
            'published',
            'deprecated',
            'archived',
          ]),
        },
      }),
      replies: {
        200: {
          description: 'one page',
          schema: pageOf(
            'WorkflowVersionPage',
            row('workflow_versions', 'WorkflowVersionSummary', { without: WITHOUT_BODY }),
          ),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params, query: given }) => {
      const workflow = found('workflow', await readRow(query, WORKFLOW, params.kebab_name ?? ''));
      return { body: await readList(query, VERSIONS, { ...given, workflow_id: workflow.id }) };
    },
  ),
  statement(
    {
      id: 'getWorkflowVersion',
      method: 'GET',
      path: '/v1/workflows/:kebab_name/versions/:version',
      title: 'Read a version of a workflow',
      permission: 'workflow:read',
      description: 'Returns the version with its definition and schemas.',
      params: { version: VersionNumber },
      replies: {
        200: {
          description: 'the version (a row of `workflow_versions`)',
          schema: WorkflowVersion,
        },
      },
      errors: ['not_found'],
    },
    async (query, { params }) => {
      const workflow = found(
        'workflow',
        await readRow(query, { ...WORKFLOW, columns: ['id'] }, params.kebab_name ?? ''),
      );
      const [version] = (
        await readList(
          query,
          {
            table: 'workflow_versions',
            sorts: ['-version'],
            filters: {
              workflow_id: equal('workflow_versions', 'workflow_id'),
              version: equal('workflow_versions', 'version'),
            },
          },
          { workflow_id: workflow.id, version: params.version, limit: 1 },
        )
      ).items;
      return { body: found('version', version) };
    },
  ),
  statement(
    {
      id: 'explainWorkflow',
      method: 'GET',
      path: '/v1/workflows/:kebab_name/explain',
      title: 'Explain a workflow',
      permission: 'workflow:read',
      description:
        'Explains how the engine executes the published version (or else the draft, or `version`), as the RPC `explain_workflow` does.',
      query: z.strictObject({ version: VersionNumber.optional() }),
      replies: {
        200: {
          description: '`{nodes, problems, warnings, check, …}`',
          schema: named('WorkflowExplanation', () => JsonObject),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params, query: { version } }) => ({
      body: await explainWorkflow(query, params.kebab_name ?? '', version),
    }),
  ),
];
