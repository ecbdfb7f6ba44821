// The SQL of the operation pages runs, and the deployment of a workflow from staging to production does what its page
// states. (tests/install/uninstall.test.ts runs the script of the page about uninstalling.)

import { stripTypeScriptTypes } from 'node:module';
import { expect, test } from 'vitest';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { type StackClient, signedIn, stackInfo } from '../support/stack.ts';
import { blocks, read } from './docs-pages.ts';

const { db_url: url } = stackInfo();
const STATEMENTS = ['size', 'back-up', 'upgrade', 'uninstall', 'split']
  .flatMap((name) => blocks(read(`docs/operations/${name}.md`), 'sql'))
  .concat(blocks(read('docs/guides/alerts.md'), 'sql'))
  // The stack has no pg_cron, and a stack that tests share gets no maintenance from one of them.
  .filter((sql) => !/cron\.|maintain\(/.test(sql));

test.each(STATEMENTS)('a statement of a page for operators runs: %s', async (sql) => {
  await withClient(url, async (client) => {
    await client.query('begin');
    await client.query(sql);
    await client.query('rollback');
  });
});

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<void>;

test('a workflow moves from staging to production once', async () => {
  const [code = ''] = blocks(read('docs/operations/stage.md'), 'ts');
  const example = stripTypeScriptTypes(`async () => {${code}}`).slice('async () => {'.length, -1);
  const [staging, production] = await Promise.all([
    signedIn('developer@acme'),
    signedIn('developer@globex'),
  ]);
  const name = `moved-${crypto.randomUUID()}`;
  const definition = {
    nodes: [{ id: 'one', type: 'transform', data: { config: { expression: '1' } } }],
    edges: [],
  };
  const input_schema = { type: 'object' };
  const saved = await staging
    .rpc('save_workflow', { kebab_name: name, definition, input_schema })
    .single<{ id: string }>();
  await staging.rpc('publish_workflow', { workflow_version_id: saved.data?.id });
  const published = async (at: StackClient) => {
    const { data } = await at
      .from('workflows')
      .select('published_version_id')
      .eq('kebab_name', name)
      .single<{ published_version_id: string }>();
    return data?.published_version_id;
  };
  const deploy = () =>
    new AsyncFunction('staging', 'production', example.replaceAll('order-shipping', name))(
      staging,
      production,
    );
  await deploy();
  const first = await published(production);
  const { data } = await production
    .from('workflow_versions')
    .select('definition, input_schema')
    .eq('id', first ?? '');
  expect(data).toEqual([{ definition, input_schema }]);
  await deploy();
  expect(await published(production)).toBe(first);
});
