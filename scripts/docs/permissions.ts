// docs/reference/permissions.md: which role has which permission, from the table user_roles.

import type pg from 'pg';
import { SCHEMAS } from '../database/schemas.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

interface Role {
  name: string;
  description: string;
  permissions: string[];
}

export async function permissionsPage(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Role>(
    `select name, description, permissions from ${SCHEMAS.exposed}.user_roles order by ordinal`,
  );
  const all = [...new Set(rows.flatMap(({ permissions }) => permissions))].sort();
  return page(
    generatedFrom(`the table \`${SCHEMAS.exposed}.user_roles\``),
    '# Roles and permissions',
    'A member has one role in each application. These are the built-in roles, which a new application gets (`app_roles`); it can change them and add others from the same permissions. Policies and RPCs read the role in every statement, so a change takes effect at once. An API key has a subset of these permissions (`api_keys.scopes`), at most those that its creator has.',
    table(
      ['role', 'meaning'],
      rows.map(({ name, description }) => [code(name), description]),
    ),
    table(
      ['permission', ...rows.map(({ name }) => name)],
      all.map((permission) => [
        code(permission),
        ...rows.map(({ permissions }) => (permissions.includes(permission) ? 'yes' : '')),
      ]),
    ),
  );
}
