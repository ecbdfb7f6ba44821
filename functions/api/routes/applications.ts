// The application of the caller, the applications that the caller can switch to, and the caller.
import { z } from 'zod';
import { Application, AS_APPLICATION } from '../components.ts';
import { found, readRow, updateRow } from '../crud.ts';
import { type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { readCaller, switchApp } from '../resource-queries.ts';
import { columnNames, named, row } from '../rows.ts';
import { updateApplication } from '../tenancy-queries.ts';
import { APPLICATION_LIFE } from './application-life.ts';

const days = () => z.number().int().min(1).max(36_500).optional();
export const ApplicationChange = z
  .strictObject({
    name: z.string().min(1).max(200).optional(),
    description: z.string().optional(),
    settings: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Settings without a schema, for clients and steps.'),
    run_retention_days: z.number().min(0.00001).max(36_500).optional(),
    event_retention_days: days(),
    audit_retention_days: days(),
    max_waiting_runs: z
      .number()
      .int()
      .min(1)
      .max(2_147_483_647)
      .nullish()
      .describe('Limit of runs that wait to start. Null: no limit.'),
    search_language: z
      .string()
      .max(63)
      .optional()
      .describe('A text search configuration of PostgreSQL, such as `german`.'),
  })
  .refine((body) => Object.keys(body).length > 0, 'name at least one column')
  .meta({ minProperties: 1 });

const APPLICATIONS: ListSpec = {
  table: 'applications',
  columns: columnNames('applications'),
  where: 't.deleted_at is null',
  key: ['app_code'],
  sorts: ['app_code'],
};

export const APPLICATION_RESOURCE: Resource = {
  name: 'Applications',
  description: 'The application of the caller, the applications of a user, and the caller.',
  operations: [
    statement(
      {
        id: 'getApplication',
        method: 'GET',
        path: '/v1/application',
        title: 'Read the application',
        permission: 'member',
        description: 'Returns the application that the caller acts for.',
        replies: { 200: AS_APPLICATION },
        errors: ['not_found'],
      },
      async (query) => {
        const { app_code } = await readCaller(query);
        return { body: found('application', await readRow(query, APPLICATIONS, app_code)) };
      },
    ),
    statement(
      {
        id: 'updateApplication',
        method: 'PATCH',
        path: '/v1/application',
        title: 'Change the application',
        permission: 'member:manage',
        description:
          'Changes the given columns of the application that the caller acts for. The quotas bound retention and `max_waiting_runs`.',
        body: ApplicationChange,
        replies: { 200: AS_APPLICATION },
        errors: [],
      },
      async (query, { body: { settings, ...change } }) => {
        const { app_code } = await readCaller(query);
        if (Object.keys(change).length > 0) await updateApplication(query, change);
        const changed =
          settings === undefined
            ? await readRow(query, APPLICATIONS, app_code)
            : await updateRow(query, APPLICATIONS, app_code, { settings });
        return { body: found('application', changed) };
      },
    ),
    statement(
      {
        id: 'getQuotas',
        method: 'GET',
        path: '/v1/application/quotas',
        title: 'Read the quotas of the application',
        permission: 'member:manage',
        description: 'Returns the quotas, which an operator sets.',
        replies: { 200: { description: 'the quotas', schema: row('app_quotas', 'Quotas') } },
        errors: ['not_found'],
      },
      async (query) => {
        const { app_code } = await readCaller(query);
        const spec = { table: 'app_quotas', key: ['app_code'] } as const;
        return { body: found('quota', await readRow(query, spec, app_code)) };
      },
    ),
    statement(
      {
        id: 'listApplications',
        method: 'GET',
        path: '/v1/applications',
        title: 'List the applications of the caller',
        permission: 'caller',
        description:
          'Lists the applications that the calling user can switch to. For an API key the list is empty.',
        query: listQuery(APPLICATIONS),
        replies: {
          200: { description: 'one page', schema: pageOf('ApplicationPage', Application) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, APPLICATIONS, call.query) }),
    ),
    statement(
      {
        id: 'switchApplication',
        method: 'POST',
        path: '/v1/applications/:app_code/switch',
        title: 'Switch to an application',
        permission: 'caller',
        description:
          'Makes one of the applications of the calling user the active one, and accepts a membership. Refresh the session to get its claims.',
        replies: { 200: AS_APPLICATION },
        errors: ['not_found'],
      },
      async (query, { params }) => ({ body: await switchApp(query, params.app_code ?? '') }),
    ),
    statement(
      {
        id: 'getCaller',
        method: 'GET',
        path: '/v1/me',
        title: 'Read the caller',
        permission: 'member',
        description:
          'Returns the application and the permissions of the caller, and the profile of a calling user.',
        replies: {
          200: {
            description: '`{app_code, permissions, user, api_key_id}`',
            schema: named('Caller', () =>
              z.object({
                app_code: z.string(),
                permissions: z.array(z.string()),
                user: z.looseObject({ id: z.uuid(), email: z.string() }).nullable(),
                api_key_id: z.uuid().nullable(),
              }),
            ),
          },
        },
        errors: [],
      },
      async (query) => ({ body: await readCaller(query) }),
    ),
    ...APPLICATION_LIFE,
  ],
};
