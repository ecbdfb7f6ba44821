// A published workflow compiles over HTTP: its code becomes the active compilation of its version.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERSION } from '../../functions/_shared/version.ts';
import { seedUser } from '../support/stack.ts';
import { type Api, call, signToken, sql, startApi } from './support.ts';

interface CompiledBody {
  compilation: { id: string };
  files: Record<string, string>;
  step_types: string[];
  library: { package: string; version: string; file: string };
}

let api: Api;
let token: string;
beforeAll(async () => {
  api = await startApi();
  token = await signToken(seedUser('admin@acme'));
});
afterAll(() => api?.stop());

const post = (path: string, body: unknown, as = token) =>
  call(`${api.url}/v1/workflows/${path}`, { token: as, body });

async function publish(workflow: string, nodes: object[]): Promise<void> {
  const edges: object[] = [];
  expect((await post(`${workflow}/draft`, { definition: { nodes, edges } })).status).toBe(200);
  expect((await post(`${workflow}/publish`, {})).status).toBe(200);
}

const sum = (expression: string) => ({
  id: 'sum',
  type: 'transform',
  data: { config: { expression } },
});

it('each version has one active compilation, and the same code is stored once', async () => {
  const workflow = `t-${randomUUID()}`;
  await publish(workflow, [sum('1 + 1')]);
  const first = await post(`${workflow}/compile`, {});
  expect(first.status).toBe(200);
  const { compilation, files, step_types, library } = first.body as unknown as CompiledBody;
  const type = `${workflow.replaceAll('-', '_')}_v1`;
  expect(compilation).toMatchObject({
    ...{ temporal_workflow_type: type, is_active: true, execution_count: 0 },
    ...{ compiled_by: seedUser('admin@acme').id, workflow_code: files['src/workflow.ts'] },
    ...{ activities_code: files['src/activities.ts'], worker_code: files['src/worker.ts'] },
  });
  expect(step_types).toEqual(['transform']);
  // tests/cli proves that the package has it.
  expect(library).toEqual({
    ...{ package: 'stepbase-cli', version: VERSION, file: 'dist/assets/temporal/base.json' },
  });
  expect(files['src/workflow.ts']).toContain(`export async function ${type}(`);
  expect((await post(`${workflow}/compile`, { version: 1 })).body.compilation).toEqual(compilation);

  await sql('update stepbase.workflow_compilations set is_active = false where id = $1', [
    compilation.id,
  ]);
  const again = await post(`${workflow}/compile`, {});
  expect(again.body.compilation).toMatchObject({ is_active: true });
  expect((again.body as unknown as CompiledBody).compilation.id).not.toBe(compilation.id);

  await publish(workflow, [sum('2')]);
  const second = await post(`${workflow}/compile`, {});
  expect(second.body.compilation).toMatchObject({
    temporal_workflow_type: type.replace(/_v1$/, '_v2'),
  });
  const active = await sql(
    `select v.version from stepbase.workflow_compilations c
     join stepbase.workflow_versions v on v.id = c.workflow_version_id
     join stepbase.workflows w on w.id = v.workflow_id
     where w.kebab_name = $1 and c.is_active order by 1`,
    [workflow],
  );
  expect(active).toEqual([{ version: 1 }, { version: 2 }]);
});

it('refuses who may not publish, and a workflow without a published version', async () => {
  const workflow = `t-${randomUUID()}`;
  await post(`${workflow}/draft`, { definition: { nodes: [sum('1')], edges: [] } });
  expect((await post(`${workflow}/compile`, {})).body).toMatchObject({ code: 'not_found' });
  await post(`${workflow}/publish`, {});
  const viewer = await signToken(seedUser('viewer@acme'));
  expect((await post(`${workflow}/compile`, {}, viewer)).status).toBe(403);
  const other = await signToken(seedUser('admin@globex'));
  expect((await post(`${workflow}/compile`, {}, other)).status).toBe(404);
  expect((await post(`${workflow}/compile`, { version: 7 })).status).toBe(404);
});
