// The life of applications: create, deactivate, reactivate, delete, leave and export.
import { z } from 'zod';
import { parseJson } from '../../_shared/text/json-numbers.ts';
import { AS_APPLICATION, AS_MEMBER } from '../components.ts';
import { badCursor, readText } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { named } from '../rows.ts';
import {
  createApplication,
  deactivateApplication,
  deleteApplication,
  exportedTables,
  exportPage,
  leaveApplication,
  myApplications,
  reactivateApplication,
  transferApplication,
} from '../tenancy-queries.ts';

export const ApplicationBody = z.strictObject({
  app_code: z
    .string()
    .max(63)
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    .describe('Unique in the installation; it never changes.'),
  name: z.string().min(1).max(200),
  organization_id: z.uuid(),
});

export const TransferBody = z.strictObject({
  organization_id: z.uuid(),
  force: z
    .boolean()
    .default(false)
    .describe('Also if published workflows use components that only the organization shares.'),
});

const ApplicationState = named('ApplicationState', () =>
  z.object({
    app_code: z.string(),
    status: z.enum(['active', 'deactivated', 'deleting']),
    deactivated_at: z.string().nullable(),
    purge_at: z.string().nullable().describe('When maintenance deletes the rows.'),
    open_runs: z.number().int(),
  }),
);
const AS_STATE = {
  description: '`{app_code, status, deactivated_at, purge_at, open_runs}`',
  schema: ApplicationState,
};

const MyApplications = named('MyApplications', () =>
  z.object({
    items: z.array(
      z.object({
        app_code: z.string(),
        name: z.string(),
        organization_id: z.uuid(),
        organization_name: z.string(),
        role: z.string(),
        accepted_at: z.string().nullable().describe('Null until the user switches to it.'),
        is_current: z.boolean().describe('The token is for this application.'),
        deactivated_at: z.string().nullable(),
        purge_at: z.string().nullable(),
      }),
    ),
  }),
);

const ExportedTables = named('ExportedTables', () => z.object({ tables: z.array(z.string()) }));
export const ExportPage = named('ExportPage', () =>
  z.object({
    items: z.array(z.record(z.string(), z.unknown())),
    next_cursor: z.string().nullable().describe('Null on the last page.'),
  }),
);
export const EXPORT_NEEDS =
  'Requires `member:manage`, `audit:read`, `key:read`, `run:read`, `workflow:read`, `component:read` and `prompt:read`.';

export const EXPORT_QUERY = z.strictObject({
  limit: z.coerce.number<string | number>().int().min(1).max(1000).default(500),
  cursor: z.string().max(4000).optional().describe('`next_cursor` of the page before.'),
});

export function readPlace(cursor: string): string {
  try {
    const text = readText(cursor);
    if (Array.isArray(parseJson(text))) return text;
  } catch {
    // Reported below.
  }
  throw badCursor('cursor is not a next_cursor of an export of this table');
}

export const APPLICATION_LIFE: readonly Operation[] = [
  statement(
    {
      id: 'listMyApplications',
      method: 'GET',
      path: '/v1/me/applications',
      title: 'List the memberships of the caller',
      permission: 'user',
      description:
        'Lists the memberships of the calling user with their applications, also deactivated ones.',
      replies: { 200: { description: '`{items}`', schema: MyApplications } },
      errors: [],
    },
    async (query) => ({ body: { items: await myApplications(query) } }),
  ),
  statement(
    {
      id: 'createApplication',
      method: 'POST',
      path: '/v1/applications',
      title: 'Create an application',
      permission: 'user',
      description:
        'Creates an application of an organization, with the calling user as its admin. Then switch to it. Requires the role `admin` in an application of the organization, or to have created one without an application.',
      body: ApplicationBody,
      idempotency: 'stored',
      replies: { 201: AS_APPLICATION },
      errors: ['not_found', 'conflict'],
    },
    async (query, { body }) => ({ body: await createApplication(query, body) }),
  ),
  statement(
    {
      id: 'deactivateApplication',
      method: 'POST',
      path: '/v1/applications/:app_code/deactivate',
      title: 'Deactivate an application',
      permission: 'caller',
      description:
        'Ends the access of members and API keys; schedules, events and webhooks start nothing. Open runs continue. Requires the role `admin` in it, or the secret key. API keys cannot.',
      replies: { 200: AS_STATE },
      errors: ['not_found'],
    },
    async (query, { params }) => ({
      body: await deactivateApplication(query, params.app_code ?? ''),
    }),
  ),
  statement(
    {
      id: 'reactivateApplication',
      method: 'POST',
      path: '/v1/applications/:app_code/reactivate',
      title: 'Reactivate an application',
      permission: 'caller',
      description:
        'Ends the deactivation, and cancels a deletion within its grace period. Requires the role `admin` in it, or the secret key. API keys cannot.',
      replies: { 200: AS_STATE },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params }) => ({
      body: await reactivateApplication(query, params.app_code ?? ''),
    }),
  ),
  statement(
    {
      id: 'deleteApplication',
      method: 'DELETE',
      path: '/v1/applications/:app_code',
      title: 'Delete an application',
      permission: 'caller',
      description:
        'Deactivates the application and schedules the deletion of its rows at `purge_at`. Refused while runs are open, unless `force` cancels them. Requires the role `admin` in it, or the secret key. API keys cannot.',
      query: z.strictObject({
        force: z
          .enum(['true', 'false'])
          .default('false')
          .describe('Cancels open runs, with their compensations.'),
      }),
      replies: { 200: AS_STATE },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params, query: { force } }) => ({
      body: await deleteApplication(query, params.app_code ?? '', force === 'true'),
    }),
  ),
  statement(
    {
      id: 'transferApplication',
      method: 'POST',
      path: '/v1/applications/:app_code/transfer',
      title: 'Move an application to another organization',
      permission: 'user',
      description:
        'Moves the application with all its rows, members and keys. Refused if published workflows use components that only the organization shares, unless `force` is true; their steps fail then. Requires the role `admin` in it and in an application of the other organization, or to have created one without an application.',
      body: TransferBody,
      replies: { 200: AS_APPLICATION },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params, body }) => ({
      body: await transferApplication(query, params.app_code ?? '', body),
    }),
  ),
  statement(
    {
      id: 'leaveApplication',
      method: 'POST',
      path: '/v1/application/leave',
      title: 'Leave the application',
      permission: 'user',
      description:
        'Ends the membership of the calling user in the application of the token, and returns it. The last admin cannot leave.',
      replies: { 200: AS_MEMBER },
      errors: ['conflict'],
    },
    async (query) => ({ body: await leaveApplication(query) }),
  ),
  statement(
    {
      id: 'listExportedTables',
      method: 'GET',
      path: '/v1/application/export',
      title: 'List the tables of an export',
      permission: 'member:manage',
      description: `Returns the names of the tables with rows of the application. ${EXPORT_NEEDS}`,
      replies: { 200: { description: '`{tables}`', schema: ExportedTables } },
      errors: [],
    },
    async (query) => ({ body: await exportedTables(query) }),
  ),
  statement(
    {
      id: 'exportTable',
      method: 'GET',
      path: '/v1/application/export/:table_name',
      title: 'Export a page of a table',
      permission: 'member:manage',
      description: `Returns rows of the application: at most \`limit\`, and at most 4 MB. Secrets and hashes of keys are left out. ${EXPORT_NEEDS}`,
      query: EXPORT_QUERY,
      replies: { 200: { description: 'one page', schema: ExportPage } },
      errors: [],
    },
    async (query, { params, query: { limit, cursor } }) => ({
      body: await exportPage(query, params.table_name ?? '', {
        after: cursor === undefined ? undefined : readPlace(cursor),
        limit,
      }),
    }),
  ),
];
