// Versions of a workflow: list, read, and how the engine executes one.
import { z } from 'zod';
import { JsonObject, WorkflowVersion } from '../components.ts';
import { found, readRow } from '../crud.ts';
import { diffVersions, explainWorkflow } from '../definition-queries.ts';
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

const Side = z.object({
  workflow_version_id: z.uuid(),
  version: z.number().int(),
  status: z.string(),
  content_hash: z.string(),
  published_at: z.string().nullable(),
  open_runs: z.number().int(),
  has_more_open_runs: z.boolean(),
});
const Elements = z.object({
  added: z.array(JsonObject),
  removed: z.array(JsonObject),
  changed: z.array(JsonObject),
});
const SchemaDifference = z.object({
  is_equal: z.boolean(),
  verdict: z.enum(['equal', 'compatible', 'breaking', 'unknown']),
  reasons: z.array(JsonObject),
  differences: z.array(JsonObject),
});
const VersionDiff = named('VersionDiff', () =>
  z.object({
    workflow: z.string(),
    a: Side,
    b: Side,
    same_content: z.boolean(),
    nodes: Elements,
    edges: Elements,
    input_schema: SchemaDifference,
    output_schema: SchemaDifference,
    schedules: z.array(JsonObject).describe('They start the published version.'),
    triggers: z.array(JsonObject),
    parents: z.array(z.string()).describe('Workflows that declare it as a child.'),
  }),
);

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
      id: 'diffVersions',
      method: 'GET',
      path: '/v1/workflows/:kebab_name/versions/:version/diff/:other_version',
      title: 'Compare two versions',
      permission: 'workflow:read',
      description:
        'Returns what changes from `version` (`a`) to `other_version` (`b`): nodes, edges and schemas, the open runs of both, and what follows the published version. The verdict on a schema is `breaking` if it refuses values that it accepted before.',
      params: { version: VersionNumber, other_version: VersionNumber },
      replies: { 200: { description: 'the differences', schema: VersionDiff } },
      errors: ['not_found'],
    },
    async (query, { params }) => ({
      body: found(
        'version',
        await diffVersions(query, params.kebab_name ?? '', params.version, params.other_version),
      ),
    }),
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
