// After a publish by RPC a worker checks the version within seconds. The findings are stored beside the version, show in
// explain, and do not stop runs.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/stack.ts';
import { edges, type Node, node, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

interface Check {
  workflow_version_id: string;
  checker_version: number;
  checked_at: string | null;
  findings: { node: string | null; pointer: string; code: string; severity: string }[];
}

async function checkOf(workflow: string): Promise<Check> {
  const { rows } = await b.db.query<{ id: string }>(
    'select published_version_id as id from stepbase.workflows where kebab_name = $1',
    [workflow],
  );
  return await waitFor('the version is checked', async () => {
    const { data, error } = await b.developer
      .from('workflow_version_checks')
      .select('*')
      .eq('workflow_version_id', String(rows[0]?.id))
      .single<Check>();
    if (error) throw new Error(error.message);
    return data.checked_at === null ? undefined : data;
  });
}

const code = (id: string, source: string): Node => node(id, 'inline_code', { code: source });

describe('the check of a published version', () => {
  test('finds what SQL cannot decide; the version runs nevertheless', async () => {
    const workflow = await b.publish(
      [value('a', '{"v": 3}'), value('b', 'steps.a.output.w'), value('c', '7')],
      ['a > b', 'b > c'],
    );
    const check = await checkOf(workflow);
    expect(check.checker_version).toBeGreaterThan(0);
    expect(check.findings).toMatchObject([
      {
        node: 'b',
        pointer: '/nodes/1/data/config/expression',
        code: 'unknown_property',
        severity: 'error',
      },
    ]);
    const { data } = await b.developer.rpc('explain_workflow', { workflow });
    expect(data).toMatchObject({ check: { findings: check.findings } });
    const { id } = await b.start(workflow);
    expect((await b.ended(id)).run.status).toBe('completed');
  });

  test('is empty for a version without faults', async () => {
    const workflow = await b.publish([value('a'), value('b', 'steps.a.output')], ['a > b']);
    expect((await checkOf(workflow)).findings).toEqual([]);
  });

  test('finds no error in the workflows of the seed', async () => {
    const { rows } = await b.db.query<{ kebab_name: string }>(
      `select kebab_name from stepbase.workflows
       where app_code = 'acme' and published_version_id is not null and deleted_at is null
       order by created_at limit 5`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { kebab_name: workflow } of rows) {
      const { findings } = await checkOf(workflow);
      expect({ workflow, findings }).toEqual({ workflow, findings: [] });
    }
  });

  test('does not change the version, and no client writes it', async () => {
    const workflow = await b.publish([code('a', '({ steps }) => steps.gone')]);
    const check = await checkOf(workflow);
    expect(check.findings).toMatchObject([{ node: 'a', code: 'unknown_reference' }]);
    const { error } = await b.developer
      .from('workflow_version_checks')
      .update({ findings: [] })
      .eq('workflow_version_id', check.workflow_version_id);
    expect(error?.code).toBe('42501');
  });

  test('does not exist for a draft', async () => {
    const { data: draft } = await b.developer.rpc('save_workflow', {
      kebab_name: `t-${randomUUID()}`,
      definition: { nodes: [value('a', 'input.(')], edges: edges() },
    });
    const { data } = await b.developer
      .from('workflow_version_checks')
      .select('*')
      .eq('workflow_version_id', String(draft?.id));
    expect(data).toEqual([]);
  });
});

describe('code that reads steps by a variable', () => {
  test('is published and reads what it needs', async () => {
    const workflow = await b.publish(
      [
        value('a', '{"v": 3}'),
        value('b', '{"v": 4}'),
        code(
          'c',
          "({ steps }) => { let sum = 0; for (const id of ['a', 'b']) sum += steps[id].output.v; return sum; }",
        ),
        value('d', '$sum($map(["a", "b"], function($id) { $lookup(steps, $id).output.v }))'),
      ],
      ['a > c', 'b > c', 'c > d'],
    );
    const { id } = await b.start(workflow);
    const { run } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', context: { c: 7, d: 7 } });
    expect((await checkOf(workflow)).findings).toEqual([]);
  });
});
