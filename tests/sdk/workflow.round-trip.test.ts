// Code and canvas are one format: decompiled code compiles with tsc, and to the same JSON, for random definitions of all step
// types, for the workflows of the seed and for the examples of the guides.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import * as sdk from '../../sdk/src/workflow/index.ts';
import { pool } from '../support/stack.ts';
import { examples } from '../tooling/docs-examples.ts';
import { blocks, read } from '../tooling/docs-pages.ts';
import { storedWorkflows } from './random-definitions.ts';

const MODULE = '../sdk/src/workflow/index.ts';
const RANDOM = 150;

const sources: string[] = [];
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** Runs the code of decompile() with this copy of the SDK. `ends`: the steps that the function returns. */
function run(source: string): { workflow: unknown; ends: string[] } {
  const code = stripTypeScriptTypes(source)
    .replace(/^import (\{.*\}) from .*$/m, 'const $1 = sdk;')
    .replace('export default', 'return');
  let ends: string[] = [];
  const defineWorkflow: typeof sdk.defineWorkflow = (name, options, build) =>
    sdk.defineWorkflow(name, options, (w) => {
      const returned = build(w);
      const list: unknown[] = [returned ?? []].flat();
      ends = list.map((step) => (step as { id: string }).id);
      return returned;
    });
  const workflow: unknown = new Function('sdk', code)({ ...sdk, defineWorkflow });
  return { workflow, ends };
}

/** The steps that nothing follows. */
const endsOf = ({ definition: { nodes, edges } }: sdk.StoredWorkflow): string[] =>
  nodes.map(({ id }) => id).filter((id) => !edges.some(({ source }) => source === id));

/** What a JSON column holds. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function checkRoundTrip(workflow: sdk.StoredWorkflow): void {
  const source = sdk.decompile(workflow, { module: MODULE });
  const { input_schema, output_schema, name, description, ...rest } = workflow;
  const given = Object.entries({ input_schema, output_schema, name, description }).filter(
    ([, one]) => one != null,
  );
  const made = run(source);
  expect(stored(made.workflow), source).toEqual(stored({ ...rest, ...Object.fromEntries(given) }));
  expect(made.ends, source).toEqual(endsOf(workflow));
  sources.push(source);
}

async function compile(files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(ROOT, '.stepbase-round-trip-'));
  folders.push(folder);
  await Promise.all(files.map((text, at) => writeFile(join(folder, `w${at}.ts`), text)));
  const config = {
    extends: '../tsconfig.base.json',
    compilerOptions: { types: [] },
    include: ['*.ts'],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', folder], { maxBuffer: 1 << 24 });
    return '';
  } catch (error) {
    const { stdout } = error as { stdout: string };
    const [, at = '0'] = /w(\d+)\.ts/.exec(stdout) ?? [];
    return `${stdout.slice(0, 3_000)}\n${files[Number(at)]}`;
  }
}

/** The examples of the guide; a part of a workflow gets the rest. */
function guideSources(): string[] {
  const examples = blocks(read('docs/guides/workflows-in-code.md'), 'ts');
  return examples
    .filter((code) => !code.includes('supabase'))
    .map((code) => {
      if (code.includes('import ')) return code.replace('stepbase/workflow', MODULE);
      const names = ['expr', 'shape'].filter((name) => code.includes(name)).join(', ');
      return `import { defineWorkflow, ${names} } from '${MODULE}';
export default defineWorkflow('part', { input: ${names.includes('shape') ? 'shape<{ trip: string }>()' : 'undefined'} }, (w) => {${code}});`;
    });
}

describe('decompiled code compiles to the same JSON', () => {
  it('for random definitions of all step types', () => {
    fc.assert(fc.property(storedWorkflows, checkRoundTrip), { numRuns: RANDOM });
  });

  it.each(examples)('for the example $name', ({ definition }) => {
    checkRoundTrip({ kebab_name: 'example', definition: definition as unknown as sdk.Definition });
  });

  it('for the workflows of the seed', async () => {
    const { rows } = await pool().query<sdk.StoredWorkflow>(
      `select w.kebab_name, w.name, w.description, v.definition, v.input_schema, v.output_schema
       from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
       where v.id::text like '00000000-0000-4000-8000-0000000009%'`,
    );
    expect(rows).toHaveLength(6);
    for (const row of rows) checkRoundTrip(row);
  });

  it('and passes tsc, as the code of the guide does', async () => {
    expect(sources.length).toBeGreaterThan(RANDOM);
    const guide = guideSources();
    expect(guide).toHaveLength(5);
    expect(await compile([...sources, ...guide])).toBe('');
  });
});
