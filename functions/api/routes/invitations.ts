// Invitations: of the application, for its member managers, and of the calling user, who accepts or declines. A token is
// sent in the body, because logs of servers and proxies contain paths and queries.
import { z } from 'zod';
import { AS_MEMBER } from '../components.ts';
import { found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, type Resource, statement } from '../operation.ts';
import { columnNames, named, row } from '../rows.ts';
import {
  acceptInvitation,
  declineInvitation,
  inviteMember,
  myInvitations,
  readInvitation,
  resendInvitation,
  revokeInvitation,
} from '../tenancy-queries.ts';

const STATUSES = ['open', 'accepted', 'declined', 'revoked', 'expired'] as const;

export const InvitationBody = z.strictObject({
  email: z.string().min(3).max(254),
  role: z.string().min(1).max(100).default('viewer'),
});
export const TokenBody = z.strictObject({
  token: z.string().min(1).max(200).describe('The token of the link in the mail.'),
});

const Invitation = row('invitations', 'Invitation');
const AS_INVITATION = { description: 'the invitation', schema: Invitation };
const INVITATIONS: ListSpec = {
  table: 'invitations',
  columns: columnNames('invitations'),
  where: 't.app_code = (select stepbase_private.app_code())',
  sorts: ['-created_at'],
  filters: {
    status: equal('invitations', 'status', STATUSES),
    email: equal('invitations', 'email'),
  },
};

const MyInvitation = named('MyInvitation', () =>
  z
    .object({
      id: z.uuid(),
      app_code: z.string(),
      application: z.string(),
      email: z.string(),
      role: z.string(),
      status: z.enum(STATUSES),
      expires_at: z.string(),
      invited_by: z.string().nullable().describe('Name or address of the member who invited.'),
      created_at: z.string(),
    })
    .describe('An invitation as the invited person sees it.'),
);
const AS_MINE = { description: 'the invitation', schema: MyInvitation };
const MyInvitations = named('MyInvitations', () => z.object({ items: z.array(MyInvitation()) }));
const ENDED = ['invitation_expired', 'invitation_used', 'invitation_revoked'] as const;
const OF_A_TOKEN = ['not_found', 'invitation_not_yours', ...ENDED] as const;
const NEEDS_ADDRESS = 'The calling user must have the invited, confirmed address.';

const OF_THE_APPLICATION: readonly Operation[] = [
  statement(
    {
      id: 'listInvitations',
      method: 'GET',
      path: '/v1/invitations',
      title: 'List invitations',
      permission: 'member:manage',
      description: 'Lists the invitations of the application, the newest first.',
      query: listQuery(INVITATIONS),
      replies: { 200: { description: 'one page', schema: pageOf('InvitationPage', Invitation) } },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, INVITATIONS, call.query) }),
  ),
  statement(
    {
      id: 'inviteMember',
      method: 'POST',
      path: '/v1/invitations',
      title: 'Invite a member',
      permission: 'member:manage',
      description:
        'Invites an address, and mails it a link that works once, for seven days. The answer is the same whether the address has an account or not. The caller must have each permission of the role.',
      body: InvitationBody,
      idempotency: 'stored',
      replies: {
        201: { ...AS_INVITATION, headers: { Location: 'The address of the invitation.' } },
      },
      errors: ['conflict', 'mail_not_configured'],
    },
    async (query, { body }) => {
      const made = await inviteMember(query, body);
      return { body: made, headers: { location: `invitations/${made.id}` } };
    },
  ),
  statement(
    {
      id: 'getInvitation',
      method: 'GET',
      path: '/v1/invitations/:invitation_id',
      title: 'Read an invitation',
      permission: 'member:manage',
      description: 'Returns the invitation, without its token.',
      replies: { 200: AS_INVITATION },
      errors: ['not_found'],
    },
    async (query, { params: { invitation_id: id = '' } }) => ({
      body: found('invitation', await readRow(query, INVITATIONS, id)),
    }),
  ),
  statement(
    {
      id: 'resendInvitation',
      method: 'POST',
      path: '/v1/invitations/:invitation_id/resend',
      title: 'Resend an invitation',
      permission: 'member:manage',
      description:
        'Mails a new link of an open invitation, which lasts seven days again. The earlier link ends.',
      replies: { 200: AS_INVITATION },
      errors: ['not_found', ...ENDED, 'mail_not_configured'],
    },
    async (query, { params: { invitation_id: id = '' } }) => ({
      body: await resendInvitation(query, id),
    }),
  ),
  statement(
    {
      id: 'revokeInvitation',
      method: 'POST',
      path: '/v1/invitations/:invitation_id/revoke',
      title: 'Revoke an invitation',
      permission: 'member:manage',
      description: 'Ends an open invitation at once. Repeated calls have no further effect.',
      replies: { 200: AS_INVITATION },
      errors: ['not_found', 'invitation_expired', 'invitation_used'],
    },
    async (query, { params: { invitation_id: id = '' } }) => ({
      body: await revokeInvitation(query, id),
    }),
  ),
];

const OF_THE_CALLER: readonly Operation[] = [
  statement(
    {
      id: 'listMyInvitations',
      method: 'GET',
      path: '/v1/me/invitations',
      title: 'List the invitations of the caller',
      permission: 'user',
      description:
        'Lists up to 100 open invitations to the confirmed address of the calling user, the newest first. Accepting needs the token of the mail.',
      replies: { 200: { description: '`{items}`', schema: MyInvitations } },
      errors: [],
    },
    async (query) => ({ body: { items: await myInvitations(query) } }),
  ),
  statement(
    {
      id: 'readInvitation',
      method: 'POST',
      path: '/v1/me/invitations/read',
      title: 'Read the invitation of a token',
      permission: 'user',
      description: `Returns the invitation of the token in a mail. ${NEEDS_ADDRESS}`,
      body: TokenBody,
      replies: { 200: AS_MINE },
      errors: OF_A_TOKEN,
    },
    async (query, { body }) => ({ body: await readInvitation(query, body.token) }),
  ),
  statement(
    {
      id: 'acceptInvitation',
      method: 'POST',
      path: '/v1/me/invitations/accept',
      title: 'Accept an invitation',
      permission: 'user',
      description: `Makes the calling user a member, and returns the membership. Then switch to the application. ${NEEDS_ADDRESS}`,
      body: TokenBody,
      idempotency: 'stored',
      replies: { 201: AS_MEMBER },
      errors: OF_A_TOKEN,
    },
    async (query, { body }) => ({ body: await acceptInvitation(query, body.token) }),
  ),
  statement(
    {
      id: 'declineInvitation',
      method: 'POST',
      path: '/v1/me/invitations/decline',
      title: 'Decline an invitation',
      permission: 'user',
      description: `Ends the invitation of the token in a mail, and returns it. ${NEEDS_ADDRESS}`,
      body: TokenBody,
      replies: { 200: AS_MINE },
      errors: OF_A_TOKEN,
    },
    async (query, { body }) => ({ body: await declineInvitation(query, body.token) }),
  ),
];

export const INVITATION_RESOURCE: Resource = {
  name: 'Invitations',
  description: 'Invitations to the application, and those of the calling user.',
  operations: [...OF_THE_APPLICATION, ...OF_THE_CALLER],
};
