// Members of the application: list, add, change the role, remove.
import { z } from 'zod';
import { deleteRow, found, insertRow, updateRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { readCaller } from '../resource-queries.ts';
import { columnNames, row } from '../rows.ts';

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
const Member = row('app_members', 'Member');
const AS_MEMBER = { description: 'the membership', schema: Member };
const MEMBER_COLUMNS = columnNames('app_members');

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
        description: 'Changes the role. The last admin cannot become anything else.',
        body: RoleBody,
        replies: { 200: AS_MEMBER },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: found('member', await updateRow(query, MEMBERS, params.user_id ?? '', body)),
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
          'Removes the member, or lets the caller leave. Needs `member:manage` for another member. The last admin cannot be removed.',
        replies: { 204: { description: 'no content' } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params }) => {
        found('member', await deleteRow(query, MEMBERS, params.user_id ?? '', false));
        return {};
      },
    ),
  ],
};
