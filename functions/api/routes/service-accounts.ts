// Service accounts: members without a login, which own API keys.
import { z } from 'zod';
import { found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { createServiceAccount, updateServiceAccount } from '../machine-queries.ts';
import { type Resource, statement } from '../operation.ts';
import { row } from '../rows.ts';

const Role = z.string().min(1).max(100).describe('A role of the application.');
const Description = z.string().max(2000);

export const ServiceAccountBody = z.strictObject({
  name: z.string().min(1).max(255),
  role: Role,
  description: Description.default(''),
});
export const ServiceAccountChange = z
  .strictObject({
    role: Role.optional(),
    is_active: z
      .boolean()
      .optional()
      .describe('False ends the access of all its API keys at once.'),
    description: Description.optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'name at least one column')
  .meta({ minProperties: 1 });

const ACCOUNTS: ListSpec = {
  table: 'service_accounts',
  sorts: ['name'],
  filters: {
    role: equal('service_accounts', 'role'),
    is_active: equal('service_accounts', 'is_active'),
  },
};
const ServiceAccount = row('service_accounts', 'ServiceAccount');
const AS_ACCOUNT = { description: 'the service account', schema: ServiceAccount };

export const SERVICE_ACCOUNT_RESOURCE: Resource = {
  name: 'Service accounts',
  description: 'Members without a login, which own API keys.',
  operations: [
    statement(
      {
        id: 'listServiceAccounts',
        method: 'GET',
        path: '/v1/service-accounts',
        title: 'List service accounts',
        permission: 'member:read',
        description: 'Lists the service accounts of the application.',
        query: listQuery(ACCOUNTS),
        replies: {
          200: { description: 'one page', schema: pageOf('ServiceAccountPage', ServiceAccount) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, ACCOUNTS, call.query) }),
    ),
    statement(
      {
        id: 'createServiceAccount',
        method: 'POST',
        path: '/v1/service-accounts',
        title: 'Create a service account',
        permission: 'member:manage',
        description:
          'Creates a service account. The caller needs each permission of its role. Its name is unique in the application.',
        body: ServiceAccountBody,
        idempotency: 'stored',
        replies: {
          201: { ...AS_ACCOUNT, headers: { Location: 'The address of the service account.' } },
        },
        errors: ['conflict'],
      },
      async (query, { body }) => {
        const made = await createServiceAccount(query, body);
        return { body: made, headers: { location: `service-accounts/${made.id}` } };
      },
    ),
    statement(
      {
        id: 'getServiceAccount',
        method: 'GET',
        path: '/v1/service-accounts/:service_account_id',
        title: 'Read a service account',
        permission: 'member:read',
        description: 'Returns the service account.',
        replies: { 200: AS_ACCOUNT },
        errors: ['not_found'],
      },
      async (query, { params: { service_account_id: id = '' } }) => ({
        body: found('service account', await readRow(query, ACCOUNTS, id)),
      }),
    ),
    statement(
      {
        id: 'updateServiceAccount',
        method: 'PATCH',
        path: '/v1/service-accounts/:service_account_id',
        title: 'Change a service account',
        permission: 'member:manage',
        description:
          'Changes the role or the description, or deactivates the service account: `{"is_active": false}`. The caller needs each permission of the roles.',
        body: ServiceAccountChange,
        replies: { 200: AS_ACCOUNT },
        errors: ['not_found'],
      },
      async (query, { params: { service_account_id: id = '' }, body }) => ({
        body: await updateServiceAccount(query, id, body),
      }),
    ),
  ],
};
