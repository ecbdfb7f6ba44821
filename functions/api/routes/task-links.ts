// POST /task-links/read and /task-links/decide: a person decides an approval by the link in a mail. The token identifies
// the person, so the routes need no other caller. It is sent in the body, because logs contain paths and queries.
import { createHash } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import type { ApiEnv, Deps } from '../deps.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { documented, type Resource } from '../operation.ts';
import { named } from '../rows.ts';
import { readTaskLink, useTaskLink } from '../task-link-queries.ts';
import { readBody } from '../validation.ts';

const token = z
  .string()
  .regex(/^[\w-]{1,200}$/)
  .describe('The token of the link in the mail.');

export const ReadLinkBody = z.strictObject({ token });
export const DecideLinkBody = z.strictObject({
  token,
  comment: z.string().max(10_000).optional(),
});

const TaskLink = named('TaskLink', () =>
  z
    .object({
      decision: z.enum(['approve', 'reject']),
      title: z.string().nullable(),
      description: z.string().nullable(),
      application: z.string(),
      workflow: z.string(),
      person: z.string().describe('Name or address of the person who decides.'),
      expires_at: z.string(),
      deadline_at: z.string().nullable(),
      approvals_required: z.int(),
      approvals: z.int().describe('How many persons have approved.'),
    })
    .describe('What the link of a mail decides.'),
);
const LinkDecision = named('LinkDecision', () =>
  z.object({
    decision: z.enum(['approve', 'reject']),
    status: z
      .enum(['waiting', 'completed'])
      .describe('`waiting`: the approval needs more decisions.'),
    handle: z.string().nullable(),
  }),
);

interface LinkEnv {
  Variables: ApiEnv['Variables'] & { input: z.output<typeof DecideLinkBody> };
}

export function taskLinkRoutes(deps: Deps): Hono<LinkEnv> {
  const input =
    (schema: z.ZodType<z.output<typeof DecideLinkBody>>): MiddlewareHandler<LinkEnv> =>
    async (c, next) => {
      c.set('input', await readBody(c, schema));
      await next();
    };
  const limit = rateLimit<LinkEnv>(
    deps,
    (c) => `task-link:${createHash('sha256').update(c.var.input.token).digest('hex')}`,
  );
  return new Hono<LinkEnv>()
    .post('/read', input(ReadLinkBody), limit, async (c) =>
      c.json(await readTaskLink(deps.db, c.var.input.token)),
    )
    .post('/decide', input(DecideLinkBody), limit, async (c) =>
      c.json(await useTaskLink(deps.db, c.var.input.token, c.var.input.comment)),
    );
}

const ERRORS = [
  'invalid_request',
  'not_authenticated',
  'permission_denied',
  'conflict',
  'payload_too_large',
  'limit_reached',
] as const;

export const TASK_LINK_RESOURCE: Resource = {
  name: 'Links in mails',
  description: 'Decisions about approvals by the single-use links in mails.',
  operations: [
    documented({
      id: 'readTaskLink',
      method: 'POST',
      path: '/task-links/read',
      title: 'Read the link of a mail',
      permission: null,
      description:
        'Returns what the link decides, and changes nothing. The token identifies the person; the call needs no API key. An unknown, used or expired token answers 401.',
      body: ReadLinkBody,
      replies: { 200: { description: 'the link', schema: TaskLink } },
      errors: ERRORS,
    }),
    documented({
      id: 'decideTaskLink',
      method: 'POST',
      path: '/task-links/decide',
      title: 'Decide by the link of a mail',
      permission: null,
      description:
        'Records the decision of the link for its person, and ends the links of the mail. Refused if the approval is not for the person any more.',
      body: DecideLinkBody,
      replies: { 200: { description: 'the decision', schema: LinkDecision } },
      errors: ERRORS,
    }),
  ],
};
