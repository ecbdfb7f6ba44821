// Members of the application: list, add, change the role, remove, erase.
import { z } from 'zod';
import { AS_MEMBER, Time } from '../components.ts';
import { insertRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { readCaller } from '../resource-queries.ts';
import { columnNames, named, row } from '../rows.ts';
import {
  erasePerson,
  exportedPerson,
  exportPersonPage,
  leaveApplication,
  listSignIns,
  removeMember,
  setMemberRole,
} from '../tenancy-queries.ts';
import { EXPORT_NEEDS, EXPORT_QUERY, ExportPage, readPlace } from './application-life.ts';

export const MemberBody = z.strictObject({
  user_id: z.uuid().describe('A user with whom the caller shares an application.'),
  role: z.string().min(1).max(100).default('viewer'),
});
export const RoleBody = z.strictObject({ role: z.string().min(1).max(100) });

const PROFILE = ['email', 'display_name', 'avatar_url'] as const;
const profile = (column: (typeof PROFILE)[number]) =>
  `(select u.${column} from stepbase.users u where u.id = t.user_id)`;
const MEMBERS: ListSpec = {
  table: 'app_members',
  where: 't.app_code = (select stepbase_private.app_code())',
  also: Object.fromEntries(PROFILE.map((column) => [column, profile(column)])),
  key: ['user_id'],
  sorts: ['created_at'],
  filters: { role: equal('app_members', 'role') },
};
const MEMBER_COLUMNS = columnNames('app_members');
const SignIns = named('SignIns', () =>
  z.object({
    items: z.array(
      z.object({
        user_id: z.uuid(),
        last_login_at: Time.nullable().describe('Null: the member never signed in.'),
      }),
    ),
  }),
);
const Erasure = named('Erasure', () =>
  z.object({
    user_id: z.uuid(),
    erased: z
      .record(z.string(), z.number().int())
      .describe('Rows that named the person, by `table.column`.'),
    is_complete: z.boolean().describe('False: rows are left; repeat the request.'),
  }),
);

const ExportedPerson = named('ExportedPerson', () =>
  z.object({
    user_id: z.uuid(),
    profile: z
      .object({
        email: z.string(),
        display_name: z.string(),
        avatar_url: z.string().nullable(),
      })
      .nullable()
      .describe('Null for a person who is not a member.'),
    tables: z.array(z.string()),
  }),
);

export const MEMBER_RESOURCE: Resource = {
  name: 'Members',
  description: 'Users of the application.',
  operations: [
    statement(
      {
        id: 'listMembers',
        method: 'GET',
        path: '/v1/members',
        title: 'List members',
        permission: 'member:read',
        description:
          'Lists the members of the application with their profiles. A member who has not accepted yet has no `accepted_at`, and a profile that the caller may not see is null.',
        query: listQuery(MEMBERS),
        replies: {
          200: {
            description: 'one page',
            schema: pageOf(
              'MemberPage',
              row('app_members', 'MemberWithProfile', {
                also: Object.fromEntries(PROFILE.map((column) => [column, z.string().nullable()])),
              }),
            ),
          },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, MEMBERS, call.query) }),
    ),
    statement(
      {
        id: 'listSignIns',
        method: 'GET',
        path: '/v1/members/sign-ins',
        title: 'List the last sign-ins',
        permission: 'member:manage',
        description:
          'Lists when each member last signed in, by `user_id`. Members who have not accepted are left out.',
        replies: { 200: { description: 'all members', schema: SignIns } },
        errors: [],
      },
      async (query) => ({ body: { items: await listSignIns(query) } }),
    ),
    statement(
      {
        id: 'addMember',
        method: 'POST',
        path: '/v1/members',
        title: 'Add a member',
        permission: 'member:manage',
        description:
          'Adds a user with whom the caller shares an application. The membership counts when the user accepts it.',
        body: MemberBody,
        idempotency: 'stored',
        replies: { 201: AS_MEMBER },
        errors: ['conflict'],
      },
      async (query, { body }) => {
        const { app_code } = await readCaller(query);
        return {
          body: await insertRow(query, 'app_members', MEMBER_COLUMNS, { ...body, app_code }),
        };
      },
    ),
    statement(
      {
        id: 'changeMemberRole',
        method: 'PATCH',
        path: '/v1/members/:user_id',
        title: 'Change the role of a member',
        permission: 'member:manage',
        description:
          'Changes the role. The caller must have each permission of both roles. The last admin keeps the role.',
        body: RoleBody,
        replies: { 200: AS_MEMBER },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await setMemberRole(query, params.user_id ?? '', body.role),
      }),
    ),
    statement(
      {
        id: 'removeMember',
        method: 'DELETE',
        path: '/v1/members/:user_id',
        title: 'Remove a member',
        permission: 'member',
        description:
          'Removes the member, or lets the calling user leave. Needs `member:manage` and each permission of the role for another member. The last admin cannot be removed.',
        replies: { 204: { description: 'no content' } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params: { user_id: id = '' }, member }) => {
        const isSelf = member.kind === 'user' && member.userId === id.toLowerCase();
        await (isSelf ? leaveApplication(query) : removeMember(query, id));
        return {};
      },
    ),
    statement(
      {
        id: 'erasePerson',
        method: 'POST',
        path: '/v1/members/:user_id/erase',
        title: 'Erase a person',
        permission: 'member:manage',
        description:
          'Ends the membership of a person, if there is one, and clears the columns of the application that name them, at most 10,000 rows of each. Repeat the request until `is_complete` is true.',
        replies: { 200: { description: '`{user_id, erased, is_complete}`', schema: Erasure } },
        errors: ['conflict'],
      },
      async (query, { params }) => ({ body: await erasePerson(query, params.user_id ?? '') }),
    ),
    statement(
      {
        id: 'getExportedPerson',
        method: 'GET',
        path: '/v1/members/:user_id/export',
        title: 'List the tables that name a person',
        permission: 'member:manage',
        description: `Returns the profile of the person and the names of the tables whose rows name persons. ${EXPORT_NEEDS}`,
        replies: {
          200: { description: '`{user_id, profile, tables}`', schema: ExportedPerson },
        },
        errors: [],
      },
      async (query, { params }) => ({ body: await exportedPerson(query, params.user_id ?? '') }),
    ),
    statement(
      {
        id: 'exportPersonTable',
        method: 'GET',
        path: '/v1/members/:user_id/export/:table_name',
        title: 'Export the rows that name a person',
        permission: 'member:manage',
        description: `Returns rows of a table that name the person: at most \`limit\`, and at most 4 MB. ${EXPORT_NEEDS}`,
        query: EXPORT_QUERY,
        replies: { 200: { description: 'one page', schema: ExportPage } },
        errors: [],
      },
      async (query, { params, query: { limit, cursor } }) => ({
        body: await exportPersonPage(query, params.user_id ?? '', params.table_name ?? '', {
          after: cursor === undefined ? undefined : readPlace(cursor),
          limit,
        }),
      }),
    ),
  ],
};
