// Statements about organizations, applications, members, roles and invitations: one RPC each, as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { writeText } from './lists.ts';
import { type Json, type One, one } from './queries.ts';

/** The row that an RPC returns. */
const rowOf = (query: Query, call: string, values: unknown[]) =>
  one(query, `select to_jsonb(x) as value from stepbase.${call} x`, values);

/** The JSON object that an RPC returns. */
const objectOf = (query: Query, call: string, values: unknown[]) =>
  one(query, `select stepbase.${call} as value`, values);

export interface OrganizationNames {
  slug?: string | undefined;
  name?: string | undefined;
}

export const createOrganization = (query: Query, { slug, name }: OrganizationNames) =>
  rowOf(query, 'create_organization($1, $2)', [slug, name]);

export const updateOrganization = (query: Query, id: string, { slug, name }: OrganizationNames) =>
  rowOf(query, 'update_organization($1, name => $2, slug => $3)', [id, name ?? null, slug ?? null]);

export const deleteOrganization = (query: Query, id: string) =>
  rowOf(query, 'delete_organization($1)', [id]);

export const createApplication = (
  query: Query,
  made: { app_code: string; name: string; organization_id: string },
) =>
  rowOf(query, 'create_application($1, $2, $3)', [made.app_code, made.name, made.organization_id]);

export interface ApplicationChange {
  name?: string | undefined;
  description?: string | undefined;
  run_retention_days?: number | undefined;
  event_retention_days?: number | undefined;
  audit_retention_days?: number | undefined;
  /** Null: no limit. */
  max_waiting_runs?: number | null | undefined;
  search_language?: string | undefined;
}

export const updateApplication = (query: Query, change: ApplicationChange) =>
  rowOf(query, 'update_application($1, $2, $3, $4, $5, $6, $7)', [
    change.name ?? null,
    change.description ?? null,
    change.run_retention_days ?? null,
    change.event_retention_days ?? null,
    change.audit_retention_days ?? null,
    // For the RPC, null keeps the limit and 0 ends it.
    change.max_waiting_runs === null ? 0 : (change.max_waiting_runs ?? null),
    change.search_language ?? null,
  ]);

export async function myApplications(query: Query): Promise<Json[]> {
  const rows = await query<{ value: Json }>(
    'select to_jsonb(m) as value from stepbase.my_applications() m',
  );
  return rows.map(({ value }) => value);
}

export const deactivateApplication = (query: Query, appCode: string) =>
  objectOf(query, 'deactivate_application($1)', [appCode]);

export const reactivateApplication = (query: Query, appCode: string) =>
  objectOf(query, 'reactivate_application($1)', [appCode]);

export const deleteApplication = (query: Query, appCode: string, force: boolean) =>
  objectOf(query, 'delete_application($1, $2)', [appCode, force]);

export const transferApplication = (
  query: Query,
  appCode: string,
  { organization_id, force }: { organization_id: string; force: boolean },
) => rowOf(query, 'transfer_application($1, $2, $3)', [appCode, organization_id, force]);

export async function organizationMembers(query: Query, organizationId: string): Promise<Json[]> {
  const rows = await query<{ value: Json }>(
    'select to_jsonb(m) as value from stepbase.list_organization_members($1) m',
    [organizationId],
  );
  return rows.map(({ value }) => value);
}

export const exportedTables = (query: Query) => objectOf(query, 'export_application()', []);

export interface ExportPage {
  items: Json[];
  next_cursor: string | null;
}

/** The cursor is the text that PostgreSQL wrote, so that large numbers in it keep their digits. */
export async function exportPage(
  query: Query,
  table: string,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<ExportPage> {
  const [page] = await query<{ rows: Json[]; next: string | null }>(
    `select p.value -> 'rows' as rows, nullif(p.value -> 'next', 'null')::text as next
     from stepbase.export_application($1, $2::jsonb, $3) p (value)`,
    [table, after ?? null, limit],
  );
  if (page === undefined) throw new Error('export_application returned nothing');
  return { items: page.rows, next_cursor: page.next === null ? null : writeText(page.next) };
}

export const exportedPerson = (query: Query, userId: string) =>
  objectOf(query, 'export_person($1)', [userId]);

/** As exportPage, with the rows that name a person. */
export async function exportPersonPage(
  query: Query,
  userId: string,
  table: string,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<ExportPage> {
  const [page] = await query<{ rows: Json[]; next: string | null }>(
    `select p.value -> 'rows' as rows, nullif(p.value -> 'next', 'null')::text as next
     from stepbase.export_person($1, $2, $3::jsonb, $4) p (value)`,
    [userId, table, after ?? null, limit],
  );
  if (page === undefined) throw new Error('export_person returned nothing');
  return { items: page.rows, next_cursor: page.next === null ? null : writeText(page.next) };
}

export const setMemberRole = (query: Query, userId: string, role: string) =>
  rowOf(query, 'set_member_role($1, $2)', [userId, role]);

export const removeMember = (query: Query, userId: string) =>
  rowOf(query, 'remove_member($1)', [userId]);

export async function listSignIns(query: Query): Promise<Json[]> {
  const rows = await query<One>('select to_jsonb(s) as value from stepbase.list_sign_ins() s');
  return rows.map(({ value }) => value);
}

export const leaveApplication = (query: Query) => rowOf(query, 'leave_application()', []);

export const erasePerson = (query: Query, userId: string) =>
  objectOf(query, 'erase_person($1)', [userId]);

export interface RoleFacts {
  permissions?: string[] | undefined;
  label?: string | undefined;
  description?: string | undefined;
}

const valuesOf = (name: string, { permissions, label, description }: RoleFacts) => [
  name,
  permissions ?? null,
  label ?? null,
  description ?? null,
];

export const createRole = (query: Query, { name, ...facts }: RoleFacts & { name: string }) =>
  rowOf(query, 'create_role($1, $2::text[], $3, $4)', valuesOf(name, facts));

export const updateRole = (query: Query, name: string, facts: RoleFacts) =>
  rowOf(query, 'update_role($1, $2::text[], $3, $4)', valuesOf(name, facts));

export const deleteRole = (query: Query, name: string) => rowOf(query, 'delete_role($1)', [name]);

export const inviteMember = (query: Query, { email, role }: { email: string; role: string }) =>
  rowOf(query, 'invite_member($1, $2)', [email, role]);

export const resendInvitation = (query: Query, id: string) =>
  rowOf(query, 'resend_invitation($1)', [id]);

export const revokeInvitation = (query: Query, id: string) =>
  rowOf(query, 'revoke_invitation($1)', [id]);

export async function myInvitations(query: Query): Promise<Json[]> {
  const rows = await query<{ value: Json }>(
    'select i.value from stepbase.my_invitations() i (value)',
  );
  return rows.map(({ value }) => value);
}

export const readInvitation = (query: Query, token: string) =>
  objectOf(query, 'read_invitation($1)', [token]);

export const acceptInvitation = (query: Query, token: string) =>
  rowOf(query, 'accept_invitation($1)', [token]);

export const declineInvitation = (query: Query, token: string) =>
  objectOf(query, 'decline_invitation($1)', [token]);
