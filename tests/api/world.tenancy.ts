// What generated requests of tenancy need to succeed: applications that they may end, persons who are invited, roles.
import { randomUUID } from 'node:crypto';
import { createMember, createTenant, signToken, sql } from './support.ts';
import { createUser, tokenFor } from './tenancy.ts';
import type { Preparations, Prepared, Values, World } from './world.ts';

const short = () => randomUUID().slice(0, 8);
const as = (token: string) => ({ authorization: `Bearer ${token}` });

export async function prepareTenancy(world: World): Promise<Preparations> {
  const { app_code, admin } = world.tenant;
  const { items } = await world.made('GET', '/v1/organizations', undefined);
  const [organization] = items as Values[];
  world.add('organization_id', organization?.id);
  world.add('table_name', 'app_roles');

  /** Another application, which the caller may end. */
  const other = async (): Promise<Prepared> => {
    const { app_code: code } = await createTenant('generated-other');
    await sql(
      "insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, 'admin')",
      [code, admin.id],
    );
    return { params: { app_code: code }, body: {} };
  };
  const role = async () => {
    const { name } = await world.made('POST', '/v1/roles', {
      name: `r${short()}`,
      permissions: ['run:read'],
    });
    return { params: { name } };
  };
  const invite = (email: string) =>
    world.made('POST', '/v1/invitations', { email, role: 'viewer' });
  const invitation = async (): Promise<Prepared> => {
    const { id } = await invite(`${randomUUID()}@generated.example`);
    return { params: { invitation_id: id }, body: {} };
  };
  const invited = async (): Promise<Prepared> => {
    const { email, token } = await createUser('generated');
    await invite(email);
    return { body: { token: await tokenFor(email) }, headers: as(token) };
  };

  return {
    createOrganization: async () => ({ body: { slug: `generated-${short()}`, name: 'Generated' } }),
    updateOrganization: async () => ({ body: { name: 'Generated' } }),
    deleteOrganization: async () => {
      const body = { slug: `generated-${short()}`, name: 'Generated' };
      const { id } = await world.made('POST', '/v1/organizations', body);
      return { params: { organization_id: id } };
    },
    createApplication: async () => ({
      body: { app_code: `generated-x${short()}`, name: 'New', organization_id: organization?.id },
    }),
    deactivateApplication: other,
    reactivateApplication: other,
    deleteApplication: other,
    transferApplication: async () => ({
      ...(await other()),
      body: { organization_id: organization?.id },
    }),
    leaveApplication: async () => ({
      headers: as(await signToken(await createMember(app_code, 'viewer'))),
      body: {},
    }),
    erasePerson: async () => ({
      params: { user_id: (await createMember(app_code, 'viewer')).id },
      body: {},
    }),
    getExportedPerson: async () => ({ params: { user_id: admin.id } }),
    exportPersonTable: async () => ({ params: { user_id: admin.id, table_name: 'app_members' } }),
    createRole: async () => ({ body: { name: `r${short()}`, permissions: ['run:read'] } }),
    getRole: role,
    updateRole: async () => ({ ...(await role()), body: { label: 'Changed' } }),
    deleteRole: role,
    inviteMember: async () => ({ body: { email: `${randomUUID()}@generated.example` } }),
    resendInvitation: invitation,
    revokeInvitation: invitation,
    getInvitation: invitation,
    readInvitation: invited,
    acceptInvitation: invited,
    declineInvitation: invited,
  };
}
