// Definitions of workflows: validate, read and save the draft, publish. Each is checked by the database and by the
// checker.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import { AppError, toAppError } from '../../_shared/errors/index.ts';
import { Fault, WorkflowVersion } from '../components.ts';
import { found } from '../crud.ts';
import { checkAsCaller, refusal } from '../definition-check.ts';
import {
  findVersion,
  publishVersion,
  readDraft,
  requireDraft,
  saveDraft,
} from '../definition-queries.ts';
import { type Operation, operation, statement } from '../operation.ts';
import { named } from '../rows.ts';

const jsonSchema = z.record(z.string(), z.unknown()).nullable().optional();

export const ValidateBody = z.strictObject({
  definition: z.unknown(),
  workflow: z.string().min(1).max(100).optional(),
  input_schema: jsonSchema,
});
export const DraftBody = z.strictObject({
  definition: z.unknown(),
  name: z.string().max(255).optional(),
  description: z.string().max(10_000).optional(),
  input_schema: jsonSchema,
  output_schema: jsonSchema,
});
export const PublishBody = z.strictObject({
  version: z.number().int().positive().max(2_147_483_647).optional(),
  skip_unchanged: z
    .boolean()
    .optional()
    .describe('Publish nothing if the draft does the same as the published version.'),
});

const FAULTS =
  'a list of `{node, pointer, code, message, hint?, severity}` ([problems](errors.md#problems-of-a-definition) and [faults](errors.md#faults-that-the-checker-finds))';

const Validation = named('Validation', () =>
  z.object({ valid: z.boolean(), faults: z.array(Fault()) }),
);
const CheckedVersion = named('CheckedVersion', () =>
  z.object({ version: WorkflowVersion(), faults: z.array(Fault()) }),
);
const ETAG = { ETag: 'Identifies this state of the draft, for `If-Match`.' };
const IF_MATCH = {
  'If-Match':
    'Only if the draft still has this `ETag`; otherwise `precondition_failed` (412). `*`: only if there is a draft.',
};

const SAVE_IF = {
  ...IF_MATCH,
  'If-None-Match': '`*`: only if the workflow has no draft; otherwise `precondition_failed` (412).',
};

export const DEFINITIONS: Operation[] = [
  operation(
    {
      id: 'validateDefinition',
      method: 'POST',
      path: '/v1/workflows/validate',
      title: 'Validate a definition',
      permission: 'workflow:read',
      description:
        'Checks a definition without saving it and lists all faults. `workflow` is the `kebab_name` of its workflow, whose signals and children are known then. Without `input_schema`, that of its latest version applies.',
      body: ValidateBody,
      replies: {
        200: { description: `\`{valid, faults}\`; \`faults\` is ${FAULTS}`, schema: Validation },
      },
      errors: ['schema_too_complex'],
    },
    async ({ deps, member, body: { definition, workflow, input_schema } }) => {
      const faults = await checkAsCaller(deps.db, member, {
        workflow,
        definition: definition ?? null,
        inputSchema: input_schema,
      });
      return { body: { valid: refusal(faults) === undefined, faults } };
    },
  ),
  statement(
    {
      id: 'getDraft',
      method: 'GET',
      path: '/v1/workflows/:kebab_name/draft',
      title: 'Read a draft',
      permission: 'workflow:read',
      description: 'Returns the draft of the workflow with its definition and schemas.',
      replies: {
        200: {
          description: 'the draft (a row of `workflow_versions`)',
          schema: WorkflowVersion,
          headers: ETAG,
        },
      },
      errors: ['not_found'],
    },
    async (query, { params }) => {
      const { etag, version } = found('draft', await readDraft(query, params.kebab_name ?? ''));
      return { body: version, headers: { etag } };
    },
  ),
  operation(
    {
      id: 'saveDraft',
      method: 'POST',
      path: '/v1/workflows/:kebab_name/draft',
      title: 'Save a draft',
      permission: 'workflow:write',
      description:
        'Saves a definition as the draft of a workflow, and creates the workflow if it does not exist, as the RPC `save_workflow` does. A draft may have faults, which the answer lists; it is refused only if its nodes and edges are not a graph. `output_schema` documents the output of runs and is not checked against it. A schema that is left out stays; null removes it.',
      body: DraftBody,
      headers: SAVE_IF,
      replies: {
        200: {
          description: `\`{version, faults}\`: the draft (a row of \`workflow_versions\`) and ${FAULTS}`,
          schema: CheckedVersion,
          headers: ETAG,
        },
      },
      errors: ['precondition_failed', 'invalid_definition', 'invalid_input', 'schema_too_complex'],
    },
    async ({ c, deps, member, params: { kebab_name: workflow = '' }, body }) => {
      const { definition, name, description, input_schema, output_schema } = body;
      const draft = { workflow, definition: definition ?? null, inputSchema: input_schema };
      const faults = await checkAsCaller(deps.db, member, draft);
      const expected = c.req.header('if-match');
      const excluded = c.req.header('if-none-match');
      if (excluded !== undefined && (excluded !== '*' || expected !== undefined)) {
        throw new AppError(
          'invalid_request',
          'If-None-Match of a draft must be *, without If-Match',
        );
      }
      try {
        const { etag, version } = await asCaller(deps.db, member, async (query) => {
          if (expected !== undefined) await requireDraft(query, workflow, expected);
          if (excluded !== undefined) await requireDraft(query, workflow, null);
          return await saveDraft(query, {
            ...draft,
            name,
            description,
            outputSchema: output_schema,
          });
        });
        return { body: { version, faults }, headers: { etag } };
      } catch (error) {
        // The database names what prevents saving; the answer lists everything that is to be mended.
        const refused = toAppError(error);
        throw refused.code === 'invalid_definition' ? (refusal(faults) ?? refused) : refused;
      }
    },
  ),
  operation(
    {
      id: 'publishWorkflow',
      method: 'POST',
      path: '/v1/workflows/:kebab_name/publish',
      title: 'Publish a version',
      permission: 'workflow:publish',
      description:
        'Publishes the draft, or `version`, if it has no fault with the severity `error`. Otherwise `errors` of `invalid_definition` lists all faults. Publishing a published version again has no effect. With `skip_unchanged`, a draft that does the same as the published version is deleted, and the answer is the published version.',
      body: PublishBody,
      headers: IF_MATCH,
      replies: {
        200: {
          description:
            '`{version, faults}`: the version (a row of `workflow_versions`) and its warnings',
          schema: CheckedVersion,
        },
      },
      errors: ['not_found', 'conflict', 'precondition_failed', 'invalid_definition'],
    },
    async ({ c, deps: { db }, member, params: { kebab_name: workflow = '' }, body }) => {
      const expected = c.req.header('if-match');
      const version = await asCaller(db, member, (query) =>
        findVersion(query, workflow, body.version),
      );
      if (version === undefined) {
        const what = body.version === undefined ? 'draft' : `version ${body.version}`;
        throw new AppError('not_found', `Workflow ${workflow} has no ${what}`);
      }
      if (expected !== undefined && expected !== '*' && expected !== version.etag) {
        throw new AppError('precondition_failed', 'The draft was saved since it was read');
      }
      const faults =
        version.status === 'draft'
          ? await checkAsCaller(db, member, {
              workflow,
              definition: version.definition,
              inputSchema: version.input_schema,
            })
          : [];
      const refused = refusal(faults);
      if (refused !== undefined) throw refused;
      const published = await asCaller(db, member, (query) =>
        publishVersion(query, version, body.skip_unchanged ?? false),
      );
      if (published === undefined) {
        throw new AppError('conflict', 'The draft was saved while it was checked: publish again');
      }
      return { body: { version: published, faults } };
    },
  ),
];
