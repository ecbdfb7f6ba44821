// Definitions of workflows: validate, save the draft, publish. Each is checked by the database and by the checker.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import { AppError, toAppError } from '../../_shared/errors/index.ts';
import { checkAsCaller, refusal } from '../definition-check.ts';
import { findVersion, publishVersion, saveDraft } from '../definition-queries.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { readBody } from '../validation.ts';

const inputSchema = z.record(z.string(), z.unknown()).nullable().optional();

export const ValidateBody = z.strictObject({
  definition: z.unknown(),
  workflow: z.string().min(1).max(100).optional(),
  input_schema: inputSchema,
});
export const DraftBody = z.strictObject({
  definition: z.unknown(),
  name: z.string().max(255).optional(),
  description: z.string().max(10_000).optional(),
  input_schema: inputSchema,
});
export const PublishBody = z.strictObject({ version: z.number().int().positive().optional() });

export function definitionRoutes({ db }: Deps): Hono<ApiEnv> {
  return new Hono<ApiEnv>()
    .post('/validate', async (c) => {
      const { definition, workflow, input_schema } = await readBody(c, ValidateBody);
      const faults = await checkAsCaller(db, c.var.member, {
        workflow,
        definition: definition ?? null,
        inputSchema: input_schema,
      });
      return c.json({ valid: refusal(faults) === undefined, faults });
    })
    .post('/:kebab_name/draft', async (c) => {
      const workflow = c.req.param('kebab_name');
      const { definition, name, description, input_schema } = await readBody(c, DraftBody);
      const draft = { workflow, definition: definition ?? null, inputSchema: input_schema };
      const faults = await checkAsCaller(db, c.var.member, draft);
      try {
        const version = await asCaller(db, c.var.member, (query) =>
          saveDraft(query, { ...draft, name, description }),
        );
        return c.json({ version, faults });
      } catch (error) {
        // The database names what prevents saving; the answer lists everything that is to be mended.
        const refused = toAppError(error);
        throw refused.code === 'invalid_definition' ? (refusal(faults) ?? refused) : refused;
      }
    })
    .post('/:kebab_name/publish', async (c) => {
      const workflow = c.req.param('kebab_name');
      const { version: number } = await readBody(c, PublishBody);
      const version = await asCaller(db, c.var.member, (query) =>
        findVersion(query, workflow, number),
      );
      if (version === undefined) {
        const what = number === undefined ? 'draft' : `version ${number}`;
        throw new AppError('not_found', `Workflow ${workflow} has no ${what}`);
      }
      const faults =
        version.status === 'draft'
          ? await checkAsCaller(db, c.var.member, {
              workflow,
              definition: version.definition,
              inputSchema: version.input_schema,
            })
          : [];
      const refused = refusal(faults);
      if (refused !== undefined) throw refused;
      const published = await asCaller(db, c.var.member, (query) => publishVersion(query, version));
      if (published === undefined) {
        throw new AppError('conflict', 'The draft was saved while it was checked: publish again');
      }
      return c.json({ version: published, faults });
    });
}
