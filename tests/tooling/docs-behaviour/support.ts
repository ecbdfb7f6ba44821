// One stack for the examples of all topics, its outside services, and the means to publish and run an example.

import { expect } from 'vitest';
import { type Fakes, startFakes } from '../../../scripts/fakes/fakes.ts';
import {
  type HttpServer,
  type Received,
  type Reply,
  serveHttp,
} from '../../../scripts/fakes/http.ts';
import type { Stack } from '../../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../../scripts/stack/throwaway.ts';
import type { Json } from '../../../types/database.ts';
import { type Node, type TestApp, testApp } from '../../engine/support.ts';
import { examples } from '../docs-examples.ts';
import { blocks, read } from '../docs-pages.ts';

export type Topic = Record<string, () => Promise<void>>;

export let b: TestApp;
export let stack: Stack;
export let fakes: Fakes;
export let outside: HttpServer;
const calls: Received[] = [];
/** Replies to the next requests of a path; other requests are answered with their path. */
export const replies = new Map<string, Reply[]>();

const PARTNER_SECRET = `whsec_${Buffer.from('of the partner').toString('base64')}`;

export async function openStack(): Promise<void> {
  fakes = await startFakes();
  outside = await serveHttp((call) => {
    calls.push(call);
    return replies.get(call.path)?.shift() ?? { body: { path: call.path } };
  });
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: {
      ...fakes.env,
      STEPBASE_SECRET_ACME__SHOP_KEY: 'key-of-the-shop',
      STEPBASE_SECRET_ACME__CRM_KEY: 'key-of-the-crm',
      STEPBASE_SECRET_ACME__PARTNER_HOOK: PARTNER_SECRET,
      STEPBASE_SECRET_ACME__SLACK_WEBHOOK: `${outside.url}/services/T1/B1/x`,
      STEPBASE_SECRET_ACME__SLACK_APPROVALS: `${outside.url}/services/T1/B1/tasks`,
      STEPBASE_SECRET_ACME__TEAMS_WEBHOOK: `${outside.url}/teams`,
    },
  });
  b = await testApp(stack.info);
}

export async function closeStack(): Promise<void> {
  await Promise.all([stack?.stop(), outside?.stop(), fakes?.stop()]);
}

export const answers = (path: string, ...bodies: Json[]) =>
  replies.set(
    path,
    bodies.map((body) => ({ body })),
  );
export const refuses = (path: string, ...statuses: number[]) =>
  replies.set(
    path,
    statuses.map((status) => ({ status, body: { status } })),
  );
export const lastCall = (path: string) => calls.findLast((call) => call.path === path);

interface More {
  nodes?: Node[];
  lines?: string[];
}

/** Publishes an example with its hosts replaced by a server on this machine; `more` is added to the graph. */
export async function published(
  name: string,
  { nodes = [], lines = [] }: More = {},
): Promise<string> {
  const example = examples.find((one) => one.name === name);
  if (!example) throw new Error(`the guides have no example ${name}`);
  const text = JSON.stringify(example.definition.nodes);
  const here = JSON.parse(text.replace(/https:\/\/[a-z]+\.example/g, outside.url)) as Node[];
  const drawn = example.definition.edges.map(
    ({ source, target, sourceHandle }) =>
      `${source} > ${target}${sourceHandle ? ` : ${sourceHandle}` : ''}`,
  );
  return await b.publish([...here, ...nodes], [...drawn, ...lines]);
}

export async function started(name: string, input: Json = {}, more?: More): Promise<string> {
  return (await b.start(await published(name, more), input)).id;
}

export const ran = async (name: string, input: Json = {}, more?: More) =>
  await b.ended(await started(name, input, more));

/** Publishes a workflow under the name that a page uses. */
export async function publishedAs(kebab_name: string, nodes: Node[]): Promise<void> {
  const { data } = await b.developer
    .rpc('save_workflow', { kebab_name, definition: { nodes, edges: [] } })
    .single<{ id: string }>();
  const { error } = await b.developer.rpc('publish_workflow', { workflow_version_id: data?.id });
  expect(error).toBeNull();
}

export async function idOf(workflow: string): Promise<string> {
  const { data } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  return data?.id ?? '';
}

export const sqlOf = (page: string) => blocks(read(`docs/${page}.md`), 'sql');
