// Roles of the application: list, create, read, change and delete.
import { z } from 'zod';
import { found, readRow } from '../crud.ts';
import { type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { columnNames, row } from '../rows.ts';
import { createRole, deleteRole, updateRole } from '../tenancy-queries.ts';

const facts = {
  permissions: z
    .array(z.string().max(100))
    .max(200)
    .describe('`resource:action`; the caller must have each of them.'),
  label: z.string().min(1).max(200).optional(),
  description: z.string().max(10_000).optional(),
};
export const RoleBody = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/),
  ...facts,
});
export const RoleChange = z
  .strictObject({ ...facts, permissions: facts.permissions.optional() })
  .refine((body) => Object.keys(body).length > 0, 'name at least one column')
  .meta({ minProperties: 1 });

const Role = row('app_roles', 'Role');
const AS_ROLE = { description: 'the role', schema: Role };
const ROLES: ListSpec = {
  table: 'app_roles',
  columns: columnNames('app_roles'),
  where: 't.app_code = (select stepbase_private.app_code())',
  key: ['name'],
  sorts: ['ordinal', 'name'],
};

export const ROLE_RESOURCE: Resource = {
  name: 'Roles',
  description: 'Roles of the application, with their permissions.',
  operations: [
    statement(
      {
        id: 'listRoles',
        method: 'GET',
        path: '/v1/roles',
        title: 'List roles',
        permission: 'member',
        description: 'Lists the roles of the application, in the order in which clients show them.',
        query: listQuery(ROLES),
        replies: { 200: { description: 'one page', schema: pageOf('RolePage', Role) } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, ROLES, call.query) }),
    ),
    statement(
      {
        id: 'createRole',
        method: 'POST',
        path: '/v1/roles',
        title: 'Create a role',
        permission: 'member:manage',
        description: 'Creates a role. The default of `label` is the name.',
        body: RoleBody,
        idempotency: 'stored',
        replies: { 201: { ...AS_ROLE, headers: { Location: 'The address of the role.' } } },
        errors: ['conflict'],
      },
      async (query, { body }) => {
        const made = await createRole(query, body);
        return { body: made, headers: { location: `roles/${made.name}` } };
      },
    ),
    statement(
      {
        id: 'getRole',
        method: 'GET',
        path: '/v1/roles/:name',
        title: 'Read a role',
        permission: 'member',
        description: 'Returns the role.',
        replies: { 200: AS_ROLE },
        errors: ['not_found'],
      },
      async (query, { params }) => ({
        body: found('role', await readRow(query, ROLES, params.name ?? '')),
      }),
    ),
    statement(
      {
        id: 'updateRole',
        method: 'PATCH',
        path: '/v1/roles/:name',
        title: 'Change a role',
        permission: 'member:manage',
        description:
          'Changes the role. New permissions take effect with the next request of its members. The caller must have each permission that the role has and will have.',
        body: RoleChange,
        replies: { 200: AS_ROLE },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await updateRole(query, params.name ?? '', body),
      }),
    ),
    statement(
      {
        id: 'deleteRole',
        method: 'DELETE',
        path: '/v1/roles/:name',
        title: 'Delete a role',
        permission: 'member:manage',
        description:
          'Deletes a role that the application created. A role that members have or open tasks name is a `conflict`.',
        replies: { 204: { description: 'no content' } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params }) => {
        await deleteRole(query, params.name ?? '');
        return {};
      },
    ),
  ],
};
