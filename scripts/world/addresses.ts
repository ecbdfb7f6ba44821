// Where the sample services are: the public addresses in supabase/seed.sql, and those of a stack that serves them.

import { withClient } from '../stack/postgres/connection.ts';
import { StackError } from '../stack/stack-error.ts';

export interface WorldAddresses {
  shop_url: string;
  crm_url: string;
  billing_url: string;
}

/** In supabase/seed.sql: valid names that lead nowhere. */
export const PUBLIC_ADDRESSES: WorldAddresses = {
  shop_url: 'https://shop.acme.example',
  crm_url: 'https://crm.acme.example',
  billing_url: 'https://billing.acme.example',
};

/** Below the address of one server. */
export const addressesAt = (origin: string): WorldAddresses => ({
  shop_url: `${origin}/shop`,
  crm_url: `${origin}/crm`,
  billing_url: `${origin}/billing`,
});

const NAMES = ['shop_url', 'crm_url', 'billing_url'] as const;

/** Replaces the public addresses in a text, such as the seed. */
export function withAddresses(text: string, addresses: WorldAddresses): string {
  return NAMES.reduce(
    (result, name) => result.replaceAll(PUBLIC_ADDRESSES[name], addresses[name]),
    text,
  );
}

/** What the component crm-lookup of the seed calls says where the sample data looks for the services. */
const CRM_LOOKUP = '00000000-0000-4000-8000-000000000502';
const LOCAL = /^(http:\/\/127\.0\.0\.1:\d+)\/crm$/;

async function currentAddresses(
  query: (sql: string, values: string[]) => Promise<{ rows: { endpoint: string }[] }>,
): Promise<WorldAddresses | undefined> {
  const { rows } = await query('select endpoint from stepbase.components where id = $1', [
    CRM_LOOKUP,
  ]);
  const crm = rows[0]?.endpoint.replace(/\/customers$/, '');
  if (crm === PUBLIC_ADDRESSES.crm_url) return PUBLIC_ADDRESSES;
  const origin = LOCAL.exec(crm ?? '')?.[1];
  return origin === undefined ? undefined : addressesAt(origin);
}

/** The places of addresses in the sample data, as updates of $1 to $2. */
const MOVES = [
  `update stepbase.components set endpoint = replace(endpoint, $1, $2)
   where starts_with(endpoint, $1)`,
  `update stepbase.workflow_versions
   set input_schema = replace(input_schema::text, $1, $2)::jsonb
   where strpos(input_schema::text, $1) > 0`,
  `update stepbase.workflow_schedules set input = replace(input::text, $1, $2)::jsonb
   where strpos(input::text, $1) > 0`,
  `update stepbase.webhook_subscriptions set url = replace(url, $1, $2) where starts_with(url, $1)`,
  `update stepbase.runs set input = replace(input::text, $1, $2)::jsonb
   where completed_at is null and strpos(input::text, $1) > 0`,
];

/**
 * Points the sample data at these addresses if it has others, because the stack has moved to another port or was seeded
 * without the services. `adminUrl`: as a superuser, because the schema of a published version is immutable for members.
 * Sample data that a member has pointed elsewhere stays as it is.
 */
export async function moveTo(addresses: WorldAddresses, adminUrl: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const current = await currentAddresses((sql, values) => client.query(sql, values));
    if (current === undefined || current.crm_url === addresses.crm_url) return;
    try {
      await client.query('begin');
      // Without triggers: the content of the versions stays the same, but for the address in their examples.
      await client.query('set local session_replication_role = replica');
      for (const name of NAMES) {
        for (const move of MOVES) await client.query(move, [current[name], addresses[name]]);
      }
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw new StackError(`The sample data could not be moved: ${(error as Error).message}`);
    }
  });
}
