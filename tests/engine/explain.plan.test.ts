// The plan of a workflow from the RPC explain_workflow.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { signedIn } from '../support/stack.ts';
import { explained, LINES, ORDER } from './explain.ts';
import { codeOf, edges, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

describe.concurrent('explain_workflow', () => {
  test('returns the nodes in order, with the steps that they read, edges, limits and retries', async () => {
    const plan = await explained(b, await b.publish(ORDER, LINES));
    expect(plan).toMatchObject({
      app_code: 'acme',
      version: 1,
      status: 'published',
      limits: { execution_timeout_seconds: 3600, task_queue: { name: 'default' } },
      problems: [],
      warnings: [],
    });
    expect(plan.nodes.map(({ id, ordinal }) => `${ordinal} ${id}`)).toEqual([
      '0 fetch',
      '1 large',
      '2 ask',
      '3 ship',
    ]);
    const [fetch, large, ask, ship] = plan.nodes;
    expect(fetch).toMatchObject({
      type: 'http_request',
      reads: [],
      secrets: ['shop_key'],
      attempt_timeout_ms: 5000,
      from: [],
      to: [{ node: 'large' }],
      retry: { max_attempts: 6, waits_ms: [1000, 2000, 4000, 8000, 10_000], all_waits_ms: 25_000 },
    });
    expect(large).toMatchObject({ reads: ['fetch'], reads_everything: false });
    expect(ask).toMatchObject({ deadline_ms: 60_000, from: [{ node: 'large', handle: 'true' }] });
    expect(ask).not.toHaveProperty('attempt_timeout_ms');
    expect(ship).toMatchObject({
      join: 'any',
      on_error: 'continue',
      concurrency: 5,
      each: 'http_request',
      attempt_timeout_ms: 30_000,
      reads: ['fetch'],
    });
  });

  test('explains the published version, a given version, and drafts with their problems', async () => {
    const workflow = await b.publish([value('a')]);
    const draft = [value('a'), value('b', 'steps.nobody.output')];
    await b.developer.rpc('save_workflow', {
      kebab_name: workflow,
      definition: { nodes: draft, edges: edges('a > b') },
    });
    expect((await explained(b, workflow)).nodes).toHaveLength(1);
    const second = await explained(b, workflow, 2);
    expect(second).toMatchObject({ status: 'draft', version: 2 });
    expect(second.problems).toMatchObject([
      {
        node: 'b',
        pointer: expect.stringMatching(/^\/nodes\/\d+\/data\/config\/\w+$/),
        code: 'unknown_reference',
      },
    ]);
    const fresh = `t-${randomUUID()}`;
    await b.developer.rpc('save_workflow', {
      kebab_name: fresh,
      definition: { nodes: [value('a')], edges: [] },
    });
    expect((await explained(b, fresh)).status).toBe('draft');
  });

  test('is refused for unknown workflows and versions, and other applications', async () => {
    const workflow = await b.publish([value('a')]);
    const other = await signedIn('developer@globex');
    const ask = async (args: object, who = b.developer) =>
      codeOf((await who.rpc('explain_workflow', args)) as never);
    expect(await ask({ workflow: 'missing' })).toBe('SB404 not_found');
    expect(await ask({ workflow, version: 9 })).toBe('SB404 not_found');
    expect(await ask({ workflow }, other)).toBe('SB404 not_found');
    expect(await ask({ workflow }, await signedIn('viewer@acme'))).toBe('none');
  });
});
