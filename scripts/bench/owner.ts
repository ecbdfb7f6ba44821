// The owner of the measured runs: an application with a member, and workflows that the member publishes
// through the public RPCs.

import pg from 'pg';
import { withClient } from '../stack/postgres/connection.ts';
import type { BenchDatabase } from './environment.ts';

const MEMBER = '00000000-0000-4000-8000-00000000be02';
const ORGANIZATION = '00000000-0000-4000-8000-00000000be01';
const APP = 'speed';

/** A step that does nothing: its expression is a constant. */
const NOTHING: Step = { type: 'transform', data: { config: { expression: '1' } } };

interface Step {
  type: string;
  data: { config: Record<string, unknown> };
}

export interface Definition {
  nodes: (Step & { id: string })[];
  edges: { id: string; source: string; target: string }[];
}

/** Steps that do nothing, one after another. */
export function linear(steps: number): Definition {
  return chain(steps, () => NOTHING);
}

/** Steps that make an HTTP call, one after another; each reads the answer of its predecessor. */
export function calling(steps: number, url: string): Definition {
  return chain(steps, (place) => ({
    type: 'http_request',
    data: {
      config: {
        url,
        query: place > 1 ? { before: `{{ steps.s${place - 1}.output.status }}` } : {},
      },
    },
  }));
}

function chain(steps: number, step: (place: number) => Step): Definition {
  const nodes = Array.from({ length: steps }, (_, i) => ({ ...step(i + 1), id: `s${i + 1}` }));
  const edges = nodes
    .slice(1)
    .map(({ id }, i) => ({ id: `e${i}`, source: `s${i + 1}`, target: id }));
  return { nodes, edges };
}

/** One step, then `branches` parallel steps, then one step. */
export function fan(branches: number): Definition {
  const middle = Array.from({ length: branches }, (_, i) => `b${i + 1}`);
  return {
    nodes: ['first', ...middle, 'last'].map((id) => ({ ...NOTHING, id })),
    edges: middle.flatMap((id) => [
      { id: `i${id}`, source: 'first', target: id },
      { id: `o${id}`, source: id, target: 'last' },
    ]),
  };
}

/** Creates the application and its member; once per database. */
export async function makeOwner(database: BenchDatabase): Promise<void> {
  await withClient(database.adminUrl, (client) =>
    client.query(`
      insert into stepbase.organizations (id, slug, name) values ('${ORGANIZATION}', '${APP}', 'Speed');
      insert into stepbase.applications (app_code, organization_id, name)
      values ('${APP}', '${ORGANIZATION}', 'Speed');
      insert into auth.users (id, aud, role, email)
      values ('${MEMBER}', 'authenticated', 'authenticated', 'member@speed.example');
      insert into stepbase.app_members (app_code, user_id, role) values ('${APP}', '${MEMBER}', 'admin');
    `),
  );
}

/** A session with the member's role and claims, as the Data API opens it. */
export async function memberSession(database: BenchDatabase): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, application_name: 'bench' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query("select set_config('request.jwt.claims', $1, false)", [
    JSON.stringify({ sub: MEMBER, role: 'authenticated', app_code: APP }),
  ]);
  await client.query('set role authenticated');
  return client;
}

export async function publish(
  member: pg.Client,
  name: string,
  definition: Definition,
): Promise<void> {
  const { rows } = await member.query<{ id: string }>(
    'select id from stepbase.save_workflow(kebab_name => $1, definition => $2)',
    [name, JSON.stringify(definition)],
  );
  await member.query('select stepbase.publish_workflow(workflow_version_id => $1)', [rows[0]?.id]);
}
