// Organizations of the calling user: list, create, read, rename and delete.
import { z } from 'zod';
import { found, readRow } from '../crud.ts';
import { type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { columnNames, named, row } from '../rows.ts';
import {
  createOrganization,
  deleteOrganization,
  organizationMembers,
  updateOrganization,
} from '../tenancy-queries.ts';

const name = z.string().min(1).max(200);
const slug = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
  .describe('Unique in the installation.');
export const OrganizationBody = z.strictObject({ slug, name });
export const OrganizationChange = z
  .strictObject({ slug: slug.optional(), name: name.optional() })
  .refine((body) => Object.keys(body).length > 0, 'name at least one column')
  .meta({ minProperties: 1 });

const Organization = row('organizations', 'Organization');
const AS_ORGANIZATION = { description: 'the organization', schema: Organization };
const ORGANIZATIONS: ListSpec = {
  table: 'organizations',
  columns: columnNames('organizations'),
  where: 't.deleted_at is null',
  sorts: ['slug'],
};

const OrganizationMembers = named('OrganizationMembers', () =>
  z.object({
    items: z.array(
      z.object({
        app_code: z.string(),
        application_name: z.string(),
        user_id: z.uuid(),
        email: z.string(),
        display_name: z.string(),
        role: z.string(),
        accepted_at: z.string().nullable(),
      }),
    ),
  }),
);

export const ORGANIZATION_RESOURCE: Resource = {
  name: 'Organizations',
  description: 'Organizations of the calling user. API keys have none.',
  operations: [
    statement(
      {
        id: 'listOrganizations',
        method: 'GET',
        path: '/v1/organizations',
        title: 'List the organizations of the caller',
        permission: 'user',
        description:
          'Lists the organizations of which the calling user is a member of an application, and those that the user created and that have no application yet.',
        query: listQuery(ORGANIZATIONS),
        replies: {
          200: { description: 'one page', schema: pageOf('OrganizationPage', Organization) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, ORGANIZATIONS, call.query) }),
    ),
    statement(
      {
        id: 'createOrganization',
        method: 'POST',
        path: '/v1/organizations',
        title: 'Create an organization',
        permission: 'user',
        description:
          'Creates an organization; `POST /v1/applications` adds its first application. The operator decides who may create, and how many.',
        body: OrganizationBody,
        idempotency: 'stored',
        replies: {
          201: { ...AS_ORGANIZATION, headers: { Location: 'The address of the organization.' } },
        },
        errors: ['conflict'],
      },
      async (query, { body }) => {
        const made = await createOrganization(query, body);
        return { body: made, headers: { location: `organizations/${made.id}` } };
      },
    ),
    statement(
      {
        id: 'getOrganization',
        method: 'GET',
        path: '/v1/organizations/:organization_id',
        title: 'Read an organization',
        permission: 'user',
        description: 'Returns an organization of the calling user.',
        replies: { 200: AS_ORGANIZATION },
        errors: ['not_found'],
      },
      async (query, { params: { organization_id: id = '' } }) => ({
        body: found('organization', await readRow(query, ORGANIZATIONS, id)),
      }),
    ),
    statement(
      {
        id: 'listOrganizationMembers',
        method: 'GET',
        path: '/v1/organizations/:organization_id/members',
        title: 'List the members of all applications',
        permission: 'user',
        description:
          'Lists the memberships in the applications of the organization in which the calling user has `member:read`. A person has one item for each application.',
        replies: { 200: { description: '`{items}`', schema: OrganizationMembers } },
        errors: ['not_found'],
      },
      async (query, { params: { organization_id: id = '' } }) => ({
        body: { items: await organizationMembers(query, id) },
      }),
    ),
    statement(
      {
        id: 'updateOrganization',
        method: 'PATCH',
        path: '/v1/organizations/:organization_id',
        title: 'Change an organization',
        permission: 'user',
        description:
          'Changes the name or the slug. Requires the role `admin` in an application of the organization, or to have created one without an application.',
        body: OrganizationChange,
        replies: { 200: AS_ORGANIZATION },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params: { organization_id: id = '' }, body }) => ({
        body: await updateOrganization(query, id, body),
      }),
    ),
    statement(
      {
        id: 'deleteOrganization',
        method: 'DELETE',
        path: '/v1/organizations/:organization_id',
        title: 'Delete an organization',
        permission: 'user',
        description:
          'Deletes an organization without applications. Deleted applications count until the end of their grace period.',
        replies: { 204: { description: 'no content' } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params: { organization_id: id = '' } }) => {
        await deleteOrganization(query, id);
        return {};
      },
    ),
  ],
};
