// Components of other applications: a published version calls what it was published with, and never a component
// that somebody published under the same name later.

import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failing, node, type TestApp, testApp, value } from '../support.ts';

const OWNER = 'globex';
const RIVAL = `rival-r${randomUUID().slice(0, 8)}`;

let user: TestApp;
let server: Server;
let url: string;
const called: string[] = [];

beforeAll(async () => {
  user = await testApp();
  await user.db.query(
    `insert into stepbase.applications (app_code, organization_id, name)
     select $1, a.organization_id, 'Rival' from stepbase.applications a where a.app_code = $2`,
    [RIVAL, OWNER],
  );
  server = createServer((request, response) => {
    called.push(request.url ?? '');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ by: request.url }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await user.db.query('delete from stepbase.applications where app_code = $1', [RIVAL]);
  server.closeAllConnections();
  server.close();
});

async function share(app: string, name: string, path: string, version = '1.0.0'): Promise<void> {
  await user.db.query(
    `insert into stepbase.components
       (app_code, name, version, implementation_type, visibility, endpoint, created_by)
     values ($1, $2, $3, 'service_task', 'public', $4, null)`,
    [app, name, version, `${url}/${path}`],
  );
}

/** A step, the step of a for_each and a compensation, all of them calls of one component. */
function everywhere(component: string) {
  const call = { type: 'service_task', config: { component, input: {} } };
  return {
    nodes: [
      node('one', 'service_task', call.config),
      node('each', 'for_each', { items: ['a', 'b'], step: call }),
      { ...value('kept'), data: { config: { expression: '1' }, compensate: call } },
      failing('fail'),
    ],
    edges: ['one > each', 'each > kept', 'kept > fail'],
  };
}

async function calls(workflow: string): Promise<string[]> {
  called.length = 0;
  const { id } = await user.start(workflow);
  await user.ended(id);
  return [...called];
}

describe('components of other applications', () => {
  test('a published version keeps its component when another of the same name appears', async () => {
    const name = `vat-${randomUUID().slice(0, 8)}`;
    await share(OWNER, name, 'honest');
    const { nodes, edges } = everywhere(`${OWNER}/${name}`);
    const workflow = await user.publish(nodes, edges);
    expect(await calls(workflow)).toEqual(Array(4).fill('/honest'));

    await share(RIVAL, name, 'rival');
    await share(OWNER, name, 'newer', '2.0.0');
    await share('acme', name, 'own');
    // A version of its own, so that no plan in the memory of a worker answers.
    const again = await user.publish(nodes, edges);
    expect(await calls(again)).toEqual(Array(4).fill('/newer'));
    expect(await calls(workflow)).toEqual(Array(4).fill('/honest'));
  });

  test('a plain name does not mean a component of others, at no place', async () => {
    const name = `fx-${randomUUID().slice(0, 8)}`;
    await share(RIVAL, name, 'rival');
    const { nodes, edges } = everywhere(name);
    const problem = await user.publish(nodes, edges).catch((error: unknown) => String(error));
    expect(problem).toMatch(new RegExp(`Unknown component ${name}`));
  });

  test('a component that its owner stops sharing fails with inactive_component', async () => {
    const name = `geo-${randomUUID().slice(0, 8)}`;
    await share(OWNER, name, 'shared');
    const workflow = await user.publish([
      node('call', 'service_task', { component: `${OWNER}/${name}`, input: {} }),
    ]);
    await user.db.query(
      "update stepbase.components set visibility = 'private' where app_code = $1 and name = $2",
      [OWNER, name],
    );
    called.length = 0;
    const { run } = await user.ended((await user.start(workflow)).id);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'inactive_component' } });
    expect(called).toEqual([]);
  });
});
